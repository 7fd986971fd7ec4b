/** This machine as its own agent, and as the cluster, knows it. */
import { BomaError } from "@boma/protocol";

import type { ReadHttp } from "../../host/http.ts";
import { type Access, read } from "./api.ts";

interface Self {
  readonly config: {
    readonly Server?: { readonly Enabled?: boolean };
    readonly Client?: { readonly Enabled?: boolean };
  };
  readonly stats: Readonly<Record<string, Readonly<Record<string, string>>>>;
  readonly member?: { readonly Name?: string };
}

export interface Node {
  readonly ID: string;
  readonly Name: string;
  readonly Status: string;
  readonly StatusDescription?: string;
  readonly SchedulingEligibility: "eligible" | "ineligible";
  readonly Drain: boolean;
  readonly Drivers?: Readonly<
    Record<
      string,
      { readonly Detected: boolean; readonly Healthy: boolean; readonly HealthDescription: string }
    >
  >;
}

export interface Alloc {
  readonly ID: string;
  readonly JobID: string;
  readonly ClientStatus: string;
  readonly DesiredStatus: string;
  readonly Job?: { readonly Type?: string } | null;
}

export async function selfOf(http: ReadHttp, at: Access): Promise<Self> {
  const self = await read<Self>(http, at, "/v1/agent/self");
  if (!self) throw new BomaError("state/api", "Nomad's agent does not tell of itself");
  return self;
}

/** What this machine's client is called by the servers; nothing where it is a server alone. */
export const nodeIdOf = ({ stats }: Self): string | undefined => stats["client"]?.["node_id"];

export async function nodeOf(http: ReadHttp, at: Access): Promise<Node> {
  const id = nodeIdOf(await selfOf(http, at));
  const node = id === undefined ? undefined : await read<Node>(http, at, `/v1/node/${id}`);
  if (node) return node;
  throw new BomaError(
    "state/blocked",
    id === undefined ? "this machine is no client of Nomad" : "the servers do not know this client yet",
  );
}

const OVER: readonly string[] = ["complete", "failed", "lost"];
/** On every client, or once on each: they are not moved elsewhere. */
const OF_SYSTEM: readonly string[] = ["system", "sysbatch"];

/** What runs here, or is about to. */
export async function allocsOn(http: ReadHttp, at: Access, node: string): Promise<readonly Alloc[]> {
  const allocs = (await read<readonly Alloc[]>(http, at, `/v1/node/${node}/allocations`)) ?? [];
  return allocs.filter(({ ClientStatus: status }) => !OVER.includes(status));
}

export const isOfSystem = ({ Job: job }: Alloc): boolean => OF_SYSTEM.includes(job?.Type ?? "");
