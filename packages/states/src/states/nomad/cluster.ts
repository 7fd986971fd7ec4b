/** The servers of a region, and what a restart of one would cost. */
import type { ReadHttp } from "../../host/http.ts";
import { leaderBy, type Role, serverRole, serversBy } from "../daemon/raft-servers.ts";
import { type Access, ask, read } from "./api.ts";
import { allocsOn, nodeIdOf, selfOf } from "./node.ts";

export const leaderOf = (http: ReadHttp, at: Access): Promise<string> => leaderBy(read, http, at);

export async function roleOf(http: ReadHttp, at: Access): Promise<Role> {
  const self = await selfOf(http, at);
  if (self.config.Server?.Enabled !== true) return clientRole(http, at, nodeIdOf(self));
  if ((await leaderOf(http, at)) === "") return { role: "server", safe: false, why: "there is no leader" };
  return serverRole(self.member?.Name ?? "", await serversBy(ask, http, at), "nothing is placed meanwhile");
}

async function clientRole(http: ReadHttp, at: Access, id: string | undefined): Promise<Role> {
  const allocs = id === undefined ? [] : await allocsOn(http, at, id);
  const outlive =
    allocs.length === 0 ? "nothing runs here" : `${allocs.length} allocations outlive a restart`;
  return { role: "client", safe: true, why: outlive };
}
