/**
 * Our files below /etc/nomad.d. New ones are proved by `nomad config validate` beside
 * the old ones before any of them comes into place: since 1.10.1 an agent that is
 * told to read one with a fault ends itself.
 */
import { posix } from "node:path";

import { BomaError } from "@boma/protocol";

import type { Files } from "../../host/files.ts";
import type { Host } from "../../host/host.ts";
import { type JsonFile, put, textOf } from "../daemon/json-file.ts";
import { readIfThere } from "../owned-file.ts";
import { DIRECTORY, GROUP, LIVE, OPERATOR, PLAIN, SECRET } from "./parameters.ts";

const OWNERSHIP = { owner: "root", group: GROUP, mode: "0640" };
const FOR_ROOT = { owner: "root", group: "root", mode: "0600" };
const SAID_MAX = 2000;
const VALIDATE_MS = 30_000;

export const plainFile = (settings: object): JsonFile => ({ path: PLAIN, settings, ownership: OWNERSHIP });
export const liveFile = (settings: object): JsonFile => ({ path: LIVE, settings, ownership: OWNERSHIP });
export const secretFile = (settings: object): JsonFile => ({ path: SECRET, settings, ownership: OWNERSHIP });
export const operatorFile = (token: string | undefined): JsonFile => ({
  path: OPERATOR,
  settings: token === undefined ? undefined : { token },
  ownership: FOR_ROOT,
});

export async function install(host: Host, changed: readonly JsonFile[]): Promise<void> {
  await prove(host, changed);
  for (const file of changed) await put(host.files, file);
}

/** What lies there already, before the agent is told to read it. */
export const proveInPlace = (host: Host): Promise<void> => prove(host, []);

async function prove({ files, commands }: Host, drafts: readonly JsonFile[]): Promise<void> {
  if (!(await files.stat(DIRECTORY)))
    throw new BomaError("state/blocked", `there is no ${DIRECTORY}`, {
      hint: "Install the package `nomad` before this.",
    });
  const stage = await files.makeTemporary(posix.dirname(DIRECTORY));
  try {
    await fill(files, stage, drafts);
    const argv = ["nomad", "config", "validate", stage];
    const said = await commands.run({ argv, quiet: true, timeoutMs: VALIDATE_MS });
    if (said.exitCode === 0) return;
    const why = (said.stderr.trim() || said.stdout.trim()).replaceAll(stage, DIRECTORY).slice(0, SAID_MAX);
    throw new BomaError("nomad/config", `Nomad would not start with this configuration:\n${why}`);
  } finally {
    await files.remove(stage, { recursive: true });
  }
}

/** All that Nomad reads, with the drafts in their places: a fault may be in what they are together. */
async function fill(files: Files, stage: string, drafts: readonly JsonFile[]): Promise<void> {
  for (const path of [PLAIN, LIVE, SECRET]) {
    const draft = drafts.find((one) => one.path === path);
    const text = draft ? textOf(draft.settings ?? {}) : await readIfThere(files, path);
    if (text !== undefined)
      await files.write(posix.join(stage, posix.basename(path)), text, { mode: "0600" });
  }
}
