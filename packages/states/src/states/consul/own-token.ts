/**
 * For functions, which carry no secrets: the token that this machine's agent has
 * in its own files, for the same root who runs the function to read.
 */
import type { ReadFiles } from "../../host/files.ts";
import { readIfThere } from "../owned-file.ts";
import type { Access } from "./api.ts";
import { pathOf } from "./config-files.ts";

const FILES = ["boma-secrets.json", "boma-settings-secrets.json"];
/** The one with most rights first. */
const TOKENS = ["initial_management", "default", "agent", "agent_recovery"];

export async function ownAccess(files: ReadFiles, api: string): Promise<Access> {
  const known: Record<string, string> = {};
  for (const file of FILES) Object.assign(known, tokensIn(await readIfThere(files, pathOf(file))));
  const name = TOKENS.find((one) => known[one] !== undefined);
  return name === undefined ? { api } : { api, token: known[name] };
}

function tokensIn(text = "{}"): Record<string, string> {
  const { acl } = JSON.parse(text) as { readonly acl?: { readonly tokens?: Record<string, string> } };
  return acl?.tokens ?? {};
}
