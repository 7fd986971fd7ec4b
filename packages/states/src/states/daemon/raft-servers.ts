/** The servers of a Raft cluster as autopilot sees them, the same for Consul and Nomad, and what a restart of one would cost. */
import { z } from "zod";

import { answered, type HttpAnswer, jsonOf, type ReadHttp } from "../../host/http.ts";
import type { Access, TokenApi } from "./token-api.ts";

export interface ServerHealth {
  readonly Name: string;
  readonly Address: string;
  readonly Leader: boolean;
  readonly Healthy: boolean;
  readonly Voter: boolean;
  readonly SerfStatus: string;
}

export interface Servers {
  readonly Healthy: boolean;
  /** How many may fail with the cluster still at work. */
  readonly FailureTolerance: number;
  readonly Servers: readonly ServerHealth[];
}

/** What a node is in its cluster: what a rolling restart goes by. */
export const Role = z.strictObject({
  role: z.enum(["leader", "server", "client"]),
  /** Whether the cluster stays at work while this agent restarts. */
  safe: z.boolean(),
  why: z.string(),
});
export type Role = z.output<typeof Role>;

/** They say with 429 that not all is well, and how it is all the same. */
export const saysHealth = (status: number): boolean => status === 200 || status === 429;

type Ask = (http: ReadHttp, access: Access, path: string) => Promise<HttpAnswer>;

export async function serversBy(ask: Ask, http: ReadHttp, at: Access): Promise<Servers> {
  const path = "/v1/operator/autopilot/health";
  return jsonOf<Servers>(answered({ url: `${at.api}${path}` }, await ask(http, at, path), saysHealth));
}

/** Empty while there is none. */
export const leaderBy = async (read: TokenApi["read"], http: ReadHttp, at: Access): Promise<string> =>
  (await read<string>(http, at, "/v1/status/leader")) ?? "";

/** A leader goes last: whoever is restarted before it must not need a new one twice. `outage`: what a restart is when none may fail. */
export function serverRole(
  node: string,
  { Healthy: healthy, FailureTolerance: mayFail, Servers: servers }: Servers,
  outage: string,
): Role {
  const own = servers.find(({ Name: name }) => name === node);
  const role = own?.Leader ? ("leader" as const) : ("server" as const);
  if (!own) return { role, safe: false, why: `${node} is not among the servers that the leader knows` };
  const ill = servers.filter(({ Healthy: isWell }) => !isWell).map(({ Name: name }) => name);
  if (!healthy || ill.length > 0)
    return { role, safe: false, why: `not well: ${ill.join(", ") || "the cluster"}` };
  if (mayFail >= 1) return { role, safe: true, why: `${mayFail} of ${servers.length} servers may fail` };
  return { role, safe: false, why: `none of ${servers.length} servers may fail: ${outage}` };
}
