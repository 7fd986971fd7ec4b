/** The HTTP API of an agent of Nomad. */
import type { ReadFiles } from "../../host/files.ts";
import { type Access, tokenApi } from "../daemon/token-api.ts";
import { readIfThere } from "../owned-file.ts";
import { ownPlace } from "./own-place.ts";
import { OPERATOR } from "./parameters.ts";

export type { Access } from "../daemon/token-api.ts";

export const { ask, read, send } = tokenApi({
  name: "Nomad",
  header: "x-nomad-token",
  denied: "nomad/denied",
});

/** For functions: where the agent of this machine offers its API, with the token that `nomad.agent` keeps for root, if it does. */
export async function ownAccess(files: ReadFiles, api: string | undefined): Promise<Access> {
  const text = (await readIfThere(files, OPERATOR)) ?? "{}";
  const { token } = JSON.parse(text) as { readonly token?: string };
  const place = api === undefined ? await ownPlace(files) : { api };
  return { ...place, ...(token !== undefined && { token }) };
}
