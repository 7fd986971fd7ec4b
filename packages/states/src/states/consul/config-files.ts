/**
 * Our files below /etc/consul.d. New ones are proved by `consul validate` in a
 * directory that holds all the others too, before any of them comes into place:
 * an agent that restarts by itself must find something that it can start with.
 */
import { posix } from "node:path";

import { BomaError } from "@boma/protocol";

import type { Change } from "../../changes.ts";
import type { Files, ReadFiles } from "../../host/files.ts";
import type { Host } from "../../host/host.ts";
import {
  differs as jsonDiffers,
  differsInSecret as jsonDiffersInSecret,
  type JsonFile,
  put,
  textOf,
} from "../daemon/json-file.ts";
import type { Settings } from "../daemon/settings.ts";
import { configFiles } from "./other-files.ts";
import { DIRECTORY, GROUP } from "./parameters.ts";

const OWNERSHIP = { owner: "root", group: GROUP, mode: "0640" };
const SAID_MAX = 2000;
const VALIDATE_MS = 30_000;

/** A file by its name, with what is to stand in it; nothing: there is to be none. */
export interface ConfigFile {
  readonly name: string;
  readonly settings: Settings;
}

export const pathOf = (name: string): string => posix.join(DIRECTORY, name);
const isEmpty = ({ settings }: ConfigFile): boolean => Object.keys(settings).length === 0;

const onDisk = (file: ConfigFile): JsonFile => ({
  path: pathOf(file.name),
  settings: isEmpty(file) ? undefined : file.settings,
  ownership: OWNERSHIP,
});

export const differs = (files: ReadFiles, file: ConfigFile): Promise<Change<string> | undefined> =>
  jsonDiffers(files, onDisk(file));

/** The same without a word of what stands in it. */
export const differsInSecret = (files: ReadFiles, file: ConfigFile): Promise<Change<string> | undefined> =>
  jsonDiffersInSecret(files, onDisk(file));

export async function install(host: Host, drafts: readonly ConfigFile[]): Promise<void> {
  const { files } = host;
  await prove(host, drafts);
  for (const draft of drafts) await put(files, onDisk(draft));
}

async function prove(host: Host, drafts: readonly ConfigFile[]): Promise<void> {
  const { files, commands } = host;
  if (!(await files.stat(DIRECTORY)))
    throw new BomaError("state/blocked", `there is no ${DIRECTORY}`, {
      hint: "Install the package `consul` before this.",
    });
  const stage = await files.makeTemporary(posix.dirname(DIRECTORY));
  try {
    await fill(files, stage, drafts);
    const said = await commands.run({
      argv: ["consul", "validate", stage],
      quiet: true,
      timeoutMs: VALIDATE_MS,
    });
    if (said.exitCode === 0) return;
    const why = (said.stderr.trim() || said.stdout.trim()).replaceAll(stage, DIRECTORY).slice(0, SAID_MAX);
    throw new BomaError("consul/config", `Consul would not start with this configuration:\n${why}`);
  } finally {
    await files.remove(stage, { recursive: true });
  }
}

/** All that Consul would read, with the drafts in their places. */
async function fill(files: Files, stage: string, drafts: readonly ConfigFile[]): Promise<void> {
  const changed = new Set(drafts.map(({ name }) => name));
  for (const name of await configFiles(files)) {
    if (changed.has(name)) continue;
    await files.write(posix.join(stage, name), await files.readBytes(pathOf(name)), { mode: "0600" });
  }
  for (const draft of drafts)
    if (!isEmpty(draft))
      await files.write(posix.join(stage, draft.name), textOf(draft.settings), { mode: "0600" });
}
