/**
 * What an agent was told last: a digest of our files, written when it has taken
 * them up. A run that ended between the two leaves them different, and the next one
 * tells the agent again.
 */
import { createHash } from "node:crypto";

import type { Files, ReadFiles } from "../../host/files.ts";
import { readIfThere, writeBelow } from "../owned-file.ts";
import { textOf } from "./json-file.ts";

interface Draft {
  readonly name: string;
  readonly settings: object;
}

/** The names and texts: it is for root to read, as the files are. */
const digestOf = (drafts: readonly Draft[]): string =>
  createHash("sha256")
    .update(JSON.stringify(drafts.map(({ name, settings }) => [name, textOf(settings)])))
    .digest("hex");

export const loadedMark = (path: string) => ({
  isLoaded: async (files: ReadFiles, drafts: readonly Draft[]): Promise<boolean> =>
    (await readIfThere(files, path))?.trim() === digestOf(drafts),
  noteLoaded: (files: Files, drafts: readonly Draft[]): Promise<void> =>
    writeBelow(files, path, `${digestOf(drafts)}\n`, "0600"),
});
