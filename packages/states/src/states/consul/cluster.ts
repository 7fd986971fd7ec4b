/** What an agent says of its cluster: who leads, who is there, how the servers are. */
import { z } from "zod";

import { type HttpAnswer, type HttpResponse, isAnswered, jsonOf, type ReadHttp } from "../../host/http.ts";
import { leaderBy, type Servers, serversBy } from "../daemon/raft-servers.ts";
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
export const leaderOf = (http: ReadHttp, at: Access): Promise<string> => leaderBy(read, http, at);

export const serversOf = (http: ReadHttp, at: Access): Promise<Servers> => serversBy(ask, http, at);

export const isDenied = (answer: HttpAnswer): boolean => isAnswered(answer) && answer.status === 403;
