/** Configuration of a daemon as JSON, in files that are ours as a whole. */
import { BomaError } from "@boma/protocol";

import type { Change } from "../../changes.ts";
import type { Files, Ownership, ReadFiles } from "../../host/files.ts";

export interface JsonFile {
  readonly path: string;
  /** Nothing: there is to be no such file. */
  readonly settings: object | undefined;
  readonly ownership: Required<Ownership>;
}

export const textOf = (settings: object): string => `${JSON.stringify(settings, undefined, 2)}\n`;

/** What differs of a file: its text as it is and as it should be, or who may read it. */
export async function differs(
  files: ReadFiles,
  { path, settings, ownership }: JsonFile,
): Promise<Change<string> | undefined> {
  const now = await files.stat(path);
  if (!settings) return now && { from: await files.readText(path), to: "" };
  if (now && now.type !== "file")
    throw new BomaError("state/wrong-type", `${path} is a ${now.type}, not a file`);
  const is = now && (await files.readText(path));
  const to = textOf(settings);
  if (is !== to) return { from: is, to };
  const { owner, group, mode } = now!;
  if (owner === ownership.owner && group === ownership.group && mode === ownership.mode) return undefined;
  return { from: `${owner}:${group} ${mode}`, to: `${ownership.owner}:${ownership.group} ${ownership.mode}` };
}

/** The same without a word of what stands in it. */
export async function differsInSecret(files: ReadFiles, file: JsonFile): Promise<Change<string> | undefined> {
  const found = await differs(files, file);
  if (!found) return undefined;
  const to = file.settings ? "as declared" : "none";
  return { from: found.from === undefined ? undefined : "others, or readable by others", to };
}

export async function put(files: Files, { path, settings, ownership }: JsonFile): Promise<void> {
  if (settings) await files.write(path, textOf(settings), ownership);
  else if (await files.stat(path)) await files.remove(path);
}
