/**
 * The files of /etc/consul.d that are not ours. Consul reads all of them, in the
 * order of their names, and the last one wins: what they say must not be
 * something else than what is declared.
 */
import { posix } from "node:path";

import { BomaError } from "@boma/protocol";

import { isSame } from "../../changes.ts";
import type { ReadFiles } from "../../host/files.ts";
import type { Settings } from "../daemon/settings.ts";
import { topLevel } from "./hcl.ts";
import { DIRECTORY } from "./parameters.ts";

const READ = /\.(hcl|json)$/;
const OURS = /^boma[^/]*\.json$/;

/** Throws where another file sets what these settings set, and not to the same. */
export async function assertNoConflict(files: ReadFiles, settings: Settings): Promise<void> {
  for (const name of await configFiles(files)) {
    if (OURS.test(name)) continue;
    const path = posix.join(DIRECTORY, name);
    const theirs = settingsIn(name, await files.readText(path));
    const [at] = Object.keys(settings).filter(
      (key) => Object.hasOwn(theirs, key) && !isSame(theirs[key], settings[key]),
    );
    if (at === undefined) continue;
    throw new BomaError(
      "state/blocked",
      `${path} sets \`${at}\` too, and to something else than is declared`,
      {
        hint: `Consul merges all files of ${DIRECTORY}. Take the line out there, or out of the declaration.`,
      },
    );
  }
}

/** The names of the files that Consul reads. */
export async function configFiles(files: ReadFiles): Promise<readonly string[]> {
  if (!(await files.stat(DIRECTORY))) return [];
  const names = await files.list(DIRECTORY);
  return names.filter((name) => READ.test(name));
}

function settingsIn(name: string, text: string): Settings {
  if (!name.endsWith(".json")) return topLevel(text);
  try {
    const read: unknown = JSON.parse(text || "{}");
    return typeof read === "object" && read !== null ? (read as Settings) : {};
  } catch {
    // Consul will say so itself, with the place, when the whole is proved.
    return {};
  }
}
