/** Servers that gossip misses. Whoever is asked knows them, also where nobody leads, or where who leads has written them off. */
import { isAnswered, jsonOf, type ReadHttp } from "../../host/http.ts";
import { type Access, ask } from "./api.ts";

interface Known {
  readonly Members?: readonly { readonly Name: string; readonly Status: string }[] | null;
}

/** `n3.global failed`; nothing where it is not for this token to see. */
export async function serversAway(http: ReadHttp, at: Access): Promise<readonly string[]> {
  const answer = await ask(http, at, "/v1/agent/members");
  if (!isAnswered(answer) || answer.status !== 200) return [];
  const { Members: members } = jsonOf<Known>(answer);
  return (members ?? [])
    .filter(({ Status: status }) => status !== "alive")
    .map(({ Name: name, Status: status }) => `${name} ${status}`);
}
