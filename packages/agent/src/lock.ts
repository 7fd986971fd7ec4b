/**
 * One agent a home. The lock file names its holder by pid, start time and boot,
 * so that a crash or a reboot leaves no lock that must be removed by hand. It
 * appears by a link, complete or not at all.
 */
import { randomBytes } from "node:crypto";
import { link, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";

import { BomaError } from "@boma/protocol";

import { hasCode, isMissing, readIfThere } from "./files.ts";

interface Holder {
  readonly pid: number;
  /** Clock ticks from boot to the holder's start: a re-used pid has another. */
  readonly start: string;
  readonly boot: string;
  readonly mark: string;
}

export interface HomeLock {
  release(): Promise<void>;
}

const ATTEMPTS_MAX = 8;

export async function lockHome(dir: string): Promise<HomeLock> {
  const path = join(dir, "lock");
  const mark = randomBytes(8).toString("hex");
  const mine = JSON.stringify({ pid: process.pid, ...(await processIdentity(process.pid)), mark });
  const draft = `${path}.${mark}`;
  await writeFile(draft, mine, { mode: 0o600, flag: "wx" });
  try {
    for (let attempt = 0; attempt < ATTEMPTS_MAX; attempt++) {
      if (await linked(draft, path)) return { release: () => release(path, mine) };
      await takeOverStale(path, mark);
    }
    throw new BomaError("home/locked", `the lock of ${dir} keeps changing hands`);
  } finally {
    await rm(draft, { force: true });
  }
}

async function linked(from: string, to: string): Promise<boolean> {
  try {
    await link(from, to);
    return true;
  } catch (thrown) {
    if (hasCode(thrown, "EEXIST")) return false;
    throw thrown;
  }
}

/** Moves a dead holder's lock aside; throws when the holder lives. */
async function takeOverStale(path: string, mark: string): Promise<void> {
  const text = (await readIfThere(path))?.toString();
  if (text === undefined) return;
  const holder = parseHolder(text);
  if (holder && (await lives(holder)))
    throw new BomaError("home/locked", `another agent (pid ${holder.pid}) uses ${path}`, {
      hint: "Stop it, or give this one a home of its own with --home.",
    });
  const aside = `${path}.stale.${mark}`;
  try {
    await rename(path, aside);
  } catch (thrown) {
    if (isMissing(thrown)) return; // Somebody else was quicker.
    throw thrown;
  }
  // A living agent may have taken the lock between our reading and our renaming: it gets it back.
  if ((await readFile(aside, "utf8")) !== text) await linked(aside, path);
  await rm(aside, { force: true });
}

async function release(path: string, mine: string): Promise<void> {
  if ((await readIfThere(path))?.toString() === mine) await rm(path, { force: true });
}

function parseHolder(text: string): Holder | undefined {
  try {
    const value = JSON.parse(text) as Partial<Holder>;
    return typeof value.pid === "number" ? (value as Holder) : undefined;
  } catch {
    return undefined;
  }
}

async function lives({ pid, start, boot }: Holder): Promise<boolean> {
  const now = await processIdentity(pid);
  return now !== undefined && now.start === start && now.boot === boot;
}

/** What tells a process from a later one with the same pid; `undefined` where there is none. */
export async function processIdentity(pid: number): Promise<{ start: string; boot: string } | undefined> {
  const stat = await readIfThere(`/proc/${pid}/stat`).catch(() => undefined);
  if (!stat) return undefined;
  const text = stat.toString("latin1");
  // The program's name stands in parentheses and may hold spaces; the start time is the 20th field behind it.
  const start = text.slice(text.lastIndexOf(")") + 2).split(" ")[19] ?? "";
  const boot = (await readIfThere("/proc/sys/kernel/random/boot_id"))?.toString().trim() ?? "";
  return { start, boot };
}
