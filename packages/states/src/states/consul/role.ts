/** What a node is in its cluster, and what its restart would cost: what a rolling restart goes by. */
import type { ReadHost } from "../../host/host.ts";
import { read } from "./api.ts";
import type { Access } from "./api.ts";
import { leaderOf, serversOf, type Servers } from "./cluster.ts";

export interface Role {
  readonly role: "leader" | "server" | "client";
  /** Whether the cluster stays at work while this agent restarts. */
  readonly safe: boolean;
  readonly why: string;
}

interface Self {
  readonly Config: { readonly NodeName: string; readonly Server: boolean };
}

export async function roleOf({ http }: Pick<ReadHost, "http">, at: Access): Promise<Role> {
  const self = await read<Self>(http, at, "/v1/agent/self");
  if (!self?.Config.Server) return { role: "client", safe: true, why: "a client leads nobody" };
  if ((await leaderOf(http, at)) === "") return { role: "server", safe: false, why: "there is no leader" };
  return judged(self.Config.NodeName, await serversOf(http, at));
}

/** A leader goes last: whoever is restarted before it must not need a new one twice. */
export function judged(
  node: string,
  { Healthy: healthy, FailureTolerance: mayFail, Servers: servers }: Servers,
): Role {
  const own = servers.find(({ Name: name }) => name === node);
  const role = own?.Leader ? ("leader" as const) : ("server" as const);
  if (!own) return { role, safe: false, why: `${node} is not among the servers that the leader knows` };
  if (!own.Voter) return { role, safe: true, why: "it has no vote" };
  const ill = servers.filter(({ Healthy: isWell }) => !isWell).map(({ Name: name }) => name);
  if (!healthy || ill.length > 0)
    return { role, safe: false, why: `not well: ${ill.join(", ") || "the cluster"}` };
  if (mayFail >= 1) return { role, safe: true, why: `${mayFail} of ${servers.length} servers may fail` };
  return { role, safe: false, why: `none of ${servers.length} servers may fail: a restart is an outage` };
}
