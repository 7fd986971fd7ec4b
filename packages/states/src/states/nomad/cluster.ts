/** The servers of a region, and what a restart of one would cost. */
import { answered, jsonOf, type ReadHttp } from "../../host/http.ts";
import { type Access, ask, read } from "./api.ts";
import { allocsOn, nodeIdOf, selfOf } from "./node.ts";

export interface Servers {
  readonly Healthy: boolean;
  /** How many may fail with the cluster still at work. */
  readonly FailureTolerance: number;
  readonly Servers: readonly {
    /** `NAME.REGION`. */
    readonly Name: string;
    readonly Leader: boolean;
    readonly Healthy: boolean;
    readonly Voter: boolean;
  }[];
}

/** Nomad says with 429 that not all is well, and how it is all the same. */
export const saysHealth = (status: number): boolean => status === 200 || status === 429;

async function serversOf(http: ReadHttp, at: Access): Promise<Servers> {
  const path = "/v1/operator/autopilot/health";
  return jsonOf<Servers>(answered({ url: `${at.api}${path}` }, await ask(http, at, path), saysHealth));
}

export const leaderOf = async (http: ReadHttp, at: Access): Promise<string> =>
  (await read<string>(http, at, "/v1/status/leader")) ?? "";

export interface Role {
  readonly role: "leader" | "server" | "client";
  /** Whether the cluster stays at work while this agent restarts. */
  readonly safe: boolean;
  readonly why: string;
}

export async function roleOf(http: ReadHttp, at: Access): Promise<Role> {
  const self = await selfOf(http, at);
  if (self.config.Server?.Enabled !== true) return clientRole(http, at, nodeIdOf(self));
  if ((await leaderOf(http, at)) === "") return { role: "server", safe: false, why: "there is no leader" };
  return judged(self.member?.Name ?? "", await serversOf(http, at));
}

async function clientRole(http: ReadHttp, at: Access, id: string | undefined): Promise<Role> {
  const allocs = id === undefined ? [] : await allocsOn(http, at, id);
  const outlive =
    allocs.length === 0 ? "nothing runs here" : `${allocs.length} allocations outlive a restart`;
  return { role: "client", safe: true, why: outlive };
}

/** A leader goes last: whoever is restarted before it must not need a new one twice. */
function judged(
  node: string,
  { Healthy: healthy, FailureTolerance: mayFail, Servers: servers }: Servers,
): Role {
  const own = servers.find(({ Name: name }) => name === node);
  const role = own?.Leader ? ("leader" as const) : ("server" as const);
  if (!own) return { role, safe: false, why: `${node} is not among the servers that the leader knows` };
  const ill = servers.filter(({ Healthy: isWell }) => !isWell).map(({ Name: name }) => name);
  if (!healthy || ill.length > 0)
    return { role, safe: false, why: `not well: ${ill.join(", ") || "the cluster"}` };
  if (mayFail >= 1) return { role, safe: true, why: `${mayFail} of ${servers.length} servers may fail` };
  return {
    role,
    safe: false,
    why: `none of ${servers.length} servers may fail: nothing is placed meanwhile`,
  };
}
