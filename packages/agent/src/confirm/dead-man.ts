/**
 * Takes a change back when nobody confirmed it in time. It runs in a process of
 * its own, which outlives the agent, and once more when the machine has booted;
 * it needs nothing but the file, because what it serves is the case in which
 * everything else has failed.
 */
import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import { promisify } from "node:util";

import { messageOf } from "../files.ts";
import { realFiles } from "../host/files.ts";
import {
  claimUndo,
  endUndo,
  openUndos,
  readArmed,
  readReverting,
  setAside,
  type UndoFile,
} from "./undo-file.ts";

const COMMAND_MS_MAX = 60_000;
const LOOK_MS = 50;

const run = promisify(execFile);

export interface Reverted {
  readonly declaration: string;
  readonly problems: readonly string[];
}

/** Waits for the deadline; `undefined` when it was confirmed before. */
export async function keepWatch(dir: string, id: string): Promise<Reverted | undefined> {
  for (;;) {
    const armed = await readArmed(dir, id);
    if (!armed) return undefined;
    if (await isDue(armed)) break;
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
  }
  const undo = await claimUndo(dir, id);
  return undo && takeBack(dir, id, undo);
}

/** At a start: what an earlier boot left armed is due at once, and what was half taken back goes on. */
export async function revertLeftovers(dir: string): Promise<readonly Reverted[]> {
  const reverted: Reverted[] = [];
  for (const { id, reverting } of await openUndos(dir)) {
    let undo: UndoFile | undefined;
    try {
      const armed = reverting ? undefined : await readArmed(dir, id);
      if (armed && !(await isDue(armed))) continue;
      undo = reverting ? await readReverting(dir, id) : await claimUndo(dir, id);
    } catch (thrown) {
      // One that nobody can read must not keep the others, nor the agent itself, from what they have to do.
      reverted.push({ declaration: await setAside(dir, id), problems: [messageOf(thrown)] });
    }
    if (undo) reverted.push(await takeBack(dir, id, undo));
  }
  return reverted;
}

async function takeBack(dir: string, id: string, { declaration, undo, root }: UndoFile): Promise<Reverted> {
  const problems: string[] = [];
  const attempt = async (what: string, act: () => Promise<unknown>): Promise<void> => {
    // Whatever fails, the rest is taken back all the same.
    await act().catch((thrown: unknown) => problems.push(`${what}: ${messageOf(thrown)}`));
  };
  const files = realFiles(root).write;
  for (const { path, was } of undo.files)
    await attempt(path, async () => {
      if (was) await files.write(path, Buffer.from(was.base64, "base64"), was);
      else if (await files.stat(path)) await files.remove(path);
    });
  for (const [program, ...args] of undo.commands)
    await attempt(program!, () => run(program!, args, { timeout: COMMAND_MS_MAX }));
  await endUndo(dir, id);
  return { declaration, problems };
}

async function isDue({ bootId, deadlineUptimeMs }: UndoFile): Promise<boolean> {
  return bootId !== (await readBootId()) || (await uptimeMs()) >= deadlineUptimeMs;
}

export const readBootId = async (): Promise<string> =>
  (await readFile("/proc/sys/kernel/random/boot_id", "utf8")).trim();

/** Time since the boot, by the kernel's own count. */
export const uptimeMs = async (): Promise<number> =>
  Number((await readFile("/proc/uptime", "utf8")).split(" ")[0]) * 1000;
