/** How many servers the bus has now, as one of them sees it. */
import type { NatsConnection } from "nats";
import { z } from "zod";

const ANSWER_MS_MAX = 5_000;

// Servers add fields from release to release, so unknown ones are let pass.
const Ping = z.object({ statsz: z.object({ active_servers: z.number().default(1) }) });

export async function countServers(system: NatsConnection): Promise<number> {
  const ping = await system.request("$SYS.REQ.SERVER.PING", "", { timeout: ANSWER_MS_MAX });
  return Ping.parse(ping.json()).statsz.active_servers;
}
