/** Which of the files that systemd reads at boot has the last word about a kernel parameter. */
import { asBomaError } from "@boma/protocol";

import type { ReadFiles } from "../../host/files.ts";
import { plainValue, slashed } from "./key.ts";

/** In the order of rank: of two files with the same name, the one in the first directory hides the other. */
const DIRECTORIES = ["/etc/sysctl.d", "/run/sysctl.d", "/usr/local/lib/sysctl.d", "/usr/lib/sysctl.d"];
const FILES_MAX = 1_000;

export interface Setting {
  readonly file: string;
  readonly key: string;
  readonly value: string;
}

/**
 * The last file by name that sets this very key. A pattern with a star never wins: at boot an exact key outranks it,
 * wherever it stands.
 */
export async function lastSetting(key: string, files: ReadFiles): Promise<Setting | undefined> {
  let last: Setting | undefined;
  for (const file of await filesInOrder(files))
    for (const setting of settingsIn(file, await textOf(file, files)))
      if (setting.key === slashed(key)) last = setting;
  return last;
}

async function filesInOrder(files: ReadFiles): Promise<string[]> {
  const byName = new Map<string, string>();
  for (const directory of DIRECTORIES) {
    if (!(await files.stat(directory))) continue;
    for (const name of (await files.list(directory)).slice(0, FILES_MAX))
      if (name.endsWith(".conf") && !byName.has(name)) byName.set(name, `${directory}/${name}`);
  }
  return [...byName].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, path]) => path);
}

/** A link into nowhere, or to /dev/null, is a file that says nothing: that is how one is switched off. */
async function textOf(file: string, files: ReadFiles): Promise<string> {
  if ((await files.stat(file))?.type === "link" && (await files.readLink(file)) === "/dev/null") return "";
  return files.readText(file).catch((thrown: unknown) => {
    if (asBomaError(thrown).code === "state/file-missing") return "";
    throw thrown;
  });
}

export function settingsIn(file: string, text: string): Setting[] {
  const found: Setting[] = [];
  for (const line of text.split("\n")) {
    const [, key, value] = /^\s*-?\s*([^\s=#;*?[][^\s=*?[]*)\s*=(.*)$/.exec(line) ?? [];
    if (key !== undefined && value !== undefined)
      found.push({ file, key: slashed(key), value: plainValue(value) });
  }
  return found;
}
