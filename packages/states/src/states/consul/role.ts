/** What a node is in its cluster, and what its restart would cost: what a rolling restart goes by. */
import type { ReadHost } from "../../host/host.ts";
import { type Role, serverRole, type Servers } from "../daemon/raft-servers.ts";
import { type Access, read } from "./api.ts";
import { leaderOf, serversOf } from "./cluster.ts";

interface Self {
  readonly Config: { readonly NodeName: string; readonly Server: boolean };
}

export async function roleOf({ http }: Pick<ReadHost, "http">, at: Access): Promise<Role> {
  const self = await read<Self>(http, at, "/v1/agent/self");
  if (!self?.Config.Server) return { role: "client", safe: true, why: "a client leads nobody" };
  if ((await leaderOf(http, at)) === "") return { role: "server", safe: false, why: "there is no leader" };
  return judged(self.Config.NodeName, await serversOf(http, at));
}

/** What has no vote is missed by nobody. */
export function judged(node: string, servers: Servers): Role {
  const own = servers.Servers.find(({ Name: name }) => name === node);
  if (own && !own.Voter) return { role: own.Leader ? "leader" : "server", safe: true, why: "it has no vote" };
  return serverRole(node, servers, "a restart is an outage");
}
