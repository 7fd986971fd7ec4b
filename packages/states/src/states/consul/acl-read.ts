/** What belongs to the ACLs: a policy or a token that is not there yet is not told from a token that may not ask. */
import { type HttpAnswer, isAnswered, type ReadHttp } from "../../host/http.ts";
import { type Access, ask, read } from "./api.ts";

/** As Consul 1.14 says it of a policy that it does not have, and of the token of whoever asks. */
const NOT_FOUND = "ACL not found";

export async function readOfAcl<T>(http: ReadHttp, at: Access, path: string): Promise<T | undefined> {
  const isMissing = isNotFound(await ask(http, at, path)) && (await isKnown(http, at));
  return isMissing ? undefined : read<T>(http, at, path);
}

const isNotFound = (answer: HttpAnswer): boolean =>
  isAnswered(answer) && answer.status === 403 && answer.body.includes(NOT_FOUND);

/** Whether whoever asks is known: then it was not him that was meant. */
async function isKnown(http: ReadHttp, at: Access): Promise<boolean> {
  const own = await ask(http, at, "/v1/acl/token/self");
  return isAnswered(own) && own.status === 200;
}
