/**
 * One agent a home. The lock file names its holder by pid, start time and boot,
 * so that a crash or a reboot leaves no lock that must be removed by hand.
 *
 * Lock files are numbered, and the highest number holds. Whoever finds a dead
 * holder links the next number, which only one can do; nobody ever takes a file
 * away that another may have won. So there is no moment in which two have it.
 */
import { randomBytes } from "node:crypto";
import { link, readdir, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";

import { BomaError } from "@boma/protocol";

import { hasCode, readIfThere } from "./files.ts";

interface Holder {
  readonly pid: number;
  /** Clock ticks from boot to the holder's start: a re-used pid has another. */
  readonly start: string;
  readonly boot: string;
  /** Set when the holder left in order; the number stays, for numbers only rise. */
  readonly released?: boolean;
}

export interface HomeLock {
  release(): Promise<void>;
}

const ATTEMPTS_MAX = 32;

export async function lockHome(dir: string): Promise<HomeLock> {
  const mine = { pid: process.pid, ...(await processIdentity(process.pid)) };
  const draft = join(dir, `lock.draft.${randomBytes(8).toString("hex")}`);
  await writeFile(draft, JSON.stringify(mine), { mode: 0o600, flag: "wx" });
  try {
    for (let attempt = 0; attempt < ATTEMPTS_MAX; attempt++) {
      const highest = await highestNumber(dir);
      if (highest > 0) await assertDead(lockPath(dir, highest));
      const path = lockPath(dir, highest + 1);
      if (!(await linked(draft, path))) continue;
      // Numbers below the holder's are cleared away, so that an old one may be free to link although it holds nothing.
      if ((await highestNumber(dir)) === highest + 1) {
        await clearBelow(dir, highest + 1);
        return { release: () => release(path, mine) };
      }
      await rm(path, { force: true });
    }
    throw new BomaError("home/locked", `the lock of ${dir} keeps changing hands`);
  } finally {
    await rm(draft, { force: true });
  }
}

const lockPath = (dir: string, number: number): string => join(dir, `lock.${number}`);

async function numbers(dir: string): Promise<number[]> {
  const names = await readdir(dir);
  return names.flatMap((name) => /^lock\.(\d+)$/.exec(name)?.[1] ?? []).map(Number);
}

const highestNumber = async (dir: string): Promise<number> => Math.max(0, ...(await numbers(dir)));

async function clearBelow(dir: string, held: number): Promise<void> {
  for (const number of await numbers(dir))
    if (number < held) await rm(lockPath(dir, number), { force: true });
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

async function assertDead(path: string): Promise<void> {
  const text = (await readIfThere(path))?.toString();
  const holder = text === undefined ? undefined : parseHolder(text);
  if (holder && !holder.released && (await lives(holder)))
    throw new BomaError("home/locked", `another agent (pid ${holder.pid}) uses ${path}`, {
      hint: "Stop it, or give this one a home of its own with --home.",
    });
}

async function release(path: string, mine: Holder | object): Promise<void> {
  const left = `${path}.left`;
  await writeFile(left, JSON.stringify({ ...mine, released: true }), { mode: 0o600 });
  await rename(left, path);
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
