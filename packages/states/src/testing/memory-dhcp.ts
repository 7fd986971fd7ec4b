import type { ReadDhcp } from "../host/dhcp.ts";
import type { Port } from "../host/host.ts";
import type { Given } from "./given.ts";

/** Networks in which those answer that were given. */
export function memoryDhcp({ dhcpServers = [] }: Given): Port<ReadDhcp, ReadDhcp> {
  const read: ReadDhcp = { server: async ({ but }) => dhcpServers.find((server) => !but.includes(server)) };
  return { read, write: read };
}
