/** What an agent says of its cluster: who leads, who is there, how the servers are. */
import { z } from "zod";

import {
  answered,
  type HttpAnswer,
  type HttpResponse,
  isAnswered,
  jsonOf,
  type ReadHttp,
} from "../../host/http.ts";
import { type Access, ask, read } from "./api.ts";

const STATUS = ["none", "alive", "leaving", "left", "failed"] as const;

export const Member = z.object({
  name: z.string(),
  address: z.string(),
  role: z.enum(["server", "client"]),
  status: z.enum(STATUS),
  version: z.string(),
});
export type Member = z.output<typeof Member>;

interface SerfMember {
  readonly Name: string;
  readonly Addr: string;
  readonly Status: number;
  readonly Tags?: Readonly<Record<string, string>> | null;
}

/** Without a token that may read nodes the list is short, or empty. */
export async function membersOf(http: ReadHttp, at: Access): Promise<readonly Member[]> {
  return inWords((await read<readonly SerfMember[]>(http, at, "/v1/agent/members")) ?? []);
}

export const membersIn = (answer: HttpResponse): readonly Member[] =>
  inWords(jsonOf<readonly SerfMember[]>(answer));

function inWords(members: readonly SerfMember[]): readonly Member[] {
  return members.map(({ Name: name, Addr: address, Status: status, Tags: tags }) => ({
    name,
    address,
    role: tags?.["role"] === "consul" ? ("server" as const) : ("client" as const),
    status: STATUS[status] ?? "none",
    version: (tags?.["build"] ?? "").replace(/:.*$/, ""),
  }));
}

/** `10.0.0.11:8300`; empty while there is none. */
export async function leaderOf(http: ReadHttp, at: Access): Promise<string> {
  return (await read<string>(http, at, "/v1/status/leader")) ?? "";
}

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

/** Consul says with 429 that not all is well, and how it is all the same. */
export async function serversOf(http: ReadHttp, at: Access): Promise<Servers> {
  const path = "/v1/operator/autopilot/health";
  const answer = await ask(http, at, path);
  return jsonOf<Servers>(answered({ url: `${at.api}${path}` }, answer, saysHealth));
}

export const saysHealth = (status: number): boolean => status === 200 || status === 429;

export const isDenied = (answer: HttpAnswer): boolean => isAnswered(answer) && answer.status === 403;
