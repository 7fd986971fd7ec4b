/**
 * A host's processes are in control groups of its own, whose name says which
 * test process owns them: they are all that can outlive it.
 */
import { existsSync, readdirSync, readFileSync, rmdirSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";

const BASE = "/sys/fs/cgroup";
const PREFIX = "boma-host-";

/** Where a machine keeps the hierarchies: one of version 2, or several of version 1 beside it. */
function hierarchies(): readonly string[] {
  const beside = ["unified", "systemd", "memory", "pids"].map((name) => join(BASE, name));
  return existsSync(beside[0]!) ? beside.filter(existsSync) : [BASE];
}

/** When that process started, in ticks since the machine did: with its number it names a process for good. */
function startOf(pid: string): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    return fields[0] === "Z" ? undefined : fields[19];
  } catch {
    return undefined;
  }
}

let count = 0;

/** A name for a host of this process. */
export const ownedName = (): string =>
  `${PREFIX}${process.pid}-${startOf(String(process.pid)) ?? "0"}-${++count}`;

export function makeCgroups(name: string): readonly string[] {
  const dirs = hierarchies().map((hierarchy) => join(hierarchy, name));
  for (const dir of dirs) mkdirSync(dir, { recursive: true });
  return dirs;
}

/** Ends every process in it at once, as a power cut does. */
export function killCgroups(name: string): void {
  const kill = join(hierarchies()[0]!, name, "cgroup.kill");
  if (existsSync(kill)) writeFileSync(kill, "1");
}

function removeTree(dir: string): void {
  for (const entry of readdirSync(dir, { withFileTypes: true }))
    if (entry.isDirectory()) removeTree(join(dir, entry.name));
  rmdirSync(dir);
}

const REMOVE_TRIES_MAX = 200;

/** The kernel lets go of a control group only once its last process is buried, and tells nobody. */
async function removeDir(dir: string): Promise<void> {
  for (let tries = 1; existsSync(dir); tries++) {
    try {
      removeTree(dir);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code !== "EBUSY" && code !== "ENOENT" && code !== "ENOTEMPTY") throw error;
      if (tries === REMOVE_TRIES_MAX) throw error;
      await delay(25);
    }
  }
}

export async function removeCgroups(name: string): Promise<void> {
  for (const hierarchy of hierarchies()) await removeDir(join(hierarchy, name));
}

/** The control groups of hosts, whoever owns them. */
export const hostCgroups = (): readonly string[] => [
  ...new Set(hierarchies().flatMap((dir) => readdirSync(dir).filter((name) => name.startsWith(PREFIX)))),
];

/** Takes away what a test process that was killed has left. */
export async function sweep(): Promise<void> {
  for (const name of hostCgroups()) {
    const [pid = "", start] = name.slice(PREFIX.length).split("-");
    if (startOf(pid) === start) continue;
    killCgroups(name);
    await removeCgroups(name);
  }
}
