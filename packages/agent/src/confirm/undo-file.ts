/**
 * A change that is not confirmed yet, as a file: what takes it back, and until
 * when it may be confirmed. Its name says how it stands, and changes by rename,
 * so that of the dead-man and the confirmation exactly one wins.
 *
 *   ID.armed.json      waits for the confirmation
 *   ID.reverting.json  the dead-man has won: it is being taken back
 */
import { randomBytes } from "node:crypto";
import { mkdir, readdir, rename, rm } from "node:fs/promises";
import { join } from "node:path";

import { z } from "zod";

import { isMissing, readIfThere, syncDirectory, writeAtomic } from "../files.ts";
import { keptObject } from "../kept-object.ts";

const Undo = keptObject({
  files: z.array(
    keptObject({
      path: z.string().startsWith("/"),
      was: keptObject({
        base64: z.string(),
        mode: z.string(),
        owner: z.string(),
        group: z.string(),
      }).nullable(),
    }),
  ),
  commands: z.array(z.array(z.string()).min(1)),
});

const UndoFile = keptObject({
  declaration: z.string(),
  undo: Undo,
  /** Below which directory the paths are: that of `--root`, else `/`. */
  root: z.string().startsWith("/"),
  /** Milliseconds since the boot of `bootId`: no clock that somebody sets can move it. */
  deadlineUptimeMs: z.number(),
  bootId: z.string(),
});
export type UndoFile = z.output<typeof UndoFile>;

const ARMED = ".armed.json";
const REVERTING = ".reverting.json";

export const undoDir = (agentDir: string): string => join(agentDir, "undo");

/** Writes it down, safe on the disk, and gives its id. */
export async function armUndo(dir: string, content: UndoFile): Promise<string> {
  const id = randomBytes(8).toString("hex");
  await mkdir(dir, { recursive: true, mode: 0o700 });
  await writeAtomic(join(dir, id + ARMED), JSON.stringify(content));
  return id;
}

/** Confirmed: nothing will be taken back. `false` when the dead-man was faster. */
export async function disarmUndo(dir: string, id: string): Promise<boolean> {
  try {
    await rename(join(dir, id + ARMED), join(dir, `${id}.confirmed`));
  } catch (thrown) {
    if (isMissing(thrown)) return false;
    throw thrown;
  }
  await syncDirectory(dir);
  await rm(join(dir, `${id}.confirmed`), { force: true });
  return true;
}

/** Wins the right to take it back; `undefined` when it was confirmed, or somebody else does it. */
export async function claimUndo(dir: string, id: string): Promise<UndoFile | undefined> {
  try {
    await rename(join(dir, id + ARMED), join(dir, id + REVERTING));
  } catch (thrown) {
    if (isMissing(thrown)) return undefined;
    throw thrown;
  }
  await syncDirectory(dir);
  return readUndo(join(dir, id + REVERTING));
}

/** Everything was taken back. */
export const endUndo = (dir: string, id: string): Promise<void> =>
  rm(join(dir, id + REVERTING), { force: true });

export const isReverting = async (dir: string, id: string): Promise<boolean> =>
  (await readIfThere(join(dir, id + REVERTING))) !== undefined;

export const readArmed = (dir: string, id: string): Promise<UndoFile | undefined> =>
  readUndo(join(dir, id + ARMED));

async function readUndo(path: string): Promise<UndoFile | undefined> {
  const bytes = await readIfThere(path);
  return bytes && UndoFile.parse(JSON.parse(bytes.toString()));
}

/** What is no undo at all is kept for whoever looks into it, and out of the way of the others. */
export async function setAside(dir: string, id: string): Promise<string> {
  const aside = join(dir, `${id}.unreadable`);
  for (const ending of [ARMED, REVERTING])
    await rename(join(dir, id + ending), aside).catch((thrown: unknown) => {
      if (!isMissing(thrown)) throw thrown;
    });
  return aside;
}

/** What was left behind: armed, or half taken back by a process that was killed. */
export async function openUndos(
  dir: string,
): Promise<{ readonly id: string; readonly reverting: boolean }[]> {
  const names = await readdir(dir).catch((thrown: unknown) => {
    if (isMissing(thrown)) return [];
    throw thrown;
  });
  return names.flatMap((name) => {
    if (name.endsWith(ARMED)) return { id: name.slice(0, -ARMED.length), reverting: false };
    if (name.endsWith(REVERTING)) return { id: name.slice(0, -REVERTING.length), reverting: true };
    return [];
  });
}

/** Takes up a revert that another process began: each step may be done twice. */
export const readReverting = (dir: string, id: string): Promise<UndoFile | undefined> =>
  readUndo(join(dir, id + REVERTING));
