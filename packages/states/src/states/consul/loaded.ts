/**
 * What an agent was told last: a digest of our files, written when it has taken
 * them up. A run that ended between the two leaves them different, and the next one
 * tells the agent again.
 */
import { createHash } from "node:crypto";

import type { Files, ReadFiles } from "../../host/files.ts";
import { readIfThere, writeBelow } from "../owned-file.ts";
import { type ConfigFile, textOf } from "./config-files.ts";

const MARK = "/var/lib/boma/consul/settings-loaded";

/** The names and texts: it is for root to read, as the files are. */
const digestOf = (files: readonly ConfigFile[]): string =>
  createHash("sha256")
    .update(JSON.stringify(files.map(({ name, settings }) => [name, textOf(settings)])))
    .digest("hex");

export const isLoaded = async (files: ReadFiles, drafts: readonly ConfigFile[]): Promise<boolean> =>
  (await readIfThere(files, MARK))?.trim() === digestOf(drafts);

export const noteLoaded = (files: Files, drafts: readonly ConfigFile[]): Promise<void> =>
  writeBelow(files, MARK, `${digestOf(drafts)}\n`, "0600");
