import type { ReadFiles } from "../../host/files.ts";
/** The HTTP API of an agent of Nomad. */
import { type Access, tokenApi } from "../daemon/token-api.ts";
import { readIfThere } from "../owned-file.ts";
import { OPERATOR } from "./parameters.ts";

export type { Access } from "../daemon/token-api.ts";

export const { ask, read, send } = tokenApi({
  name: "Nomad",
  header: "x-nomad-token",
  denied: "nomad/denied",
});

/** For functions: with the token that `nomad.agent` keeps for the root of this node, if it does. */
export async function ownAccess(files: ReadFiles, api: string): Promise<Access> {
  const text = (await readIfThere(files, OPERATOR)) ?? "{}";
  const { token } = JSON.parse(text) as { readonly token?: string };
  return token === undefined ? { api } : { api, token };
}
