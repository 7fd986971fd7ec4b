/** What beacons see the machine with. Below `--root` it is the files there, and there is neither systemd nor a journal. */
import { execFile } from "node:child_process";
import { createReadStream } from "node:fs";
import { open, opendir, stat, statfs } from "node:fs/promises";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";

import type { MasterTime } from "../clock.ts";
import { showUnits, parseUnits } from "../host/unit-status.ts";
import { type SystemJournal, systemJournal } from "../sources/journal.ts";
import { type Watched, watchPaths } from "../sources/paths.ts";

export interface BeaconWorld {
  /** By a clock that is never set. */
  readonly now: () => number;
  readonly wall: () => number;
  /** How far this machine's clock is off the master's; `undefined` while that is not known. */
  readonly offsetMs: () => number | undefined;
  readonly cpus: () => number;
  /** The beginning of a file; `undefined` where there is none. */
  readonly read: (path: string, bytesMax?: number) => Promise<string | undefined>;
  /** What kind of thing is there, and which one of its kind; `undefined` where there is nothing. */
  readonly look: (
    path: string,
  ) => Promise<{ readonly mark: string; readonly directory: boolean; readonly size: number } | undefined>;
  readonly list: (path: string, namesMax: number) => Promise<readonly string[]>;
  readonly stream: (path: string) => AsyncIterable<Uint8Array>;
  readonly space: (path: string) => Promise<Space>;
  readonly watch: (paths: readonly string[], changed: (path: string) => void) => Watched;
  /** `undefined` where systemd cannot be asked. */
  readonly unit: (unit: string) => Promise<UnitNow | undefined>;
  readonly journal: SystemJournal | undefined;
  /** Again and again, the first time at once, never two at a time. What it throws makes the beacon blind until it works. */
  readonly every: (ms: number, look: () => Promise<void>, failed: (thrown: unknown) => void) => () => void;
}

export interface UnitNow {
  readonly state: string;
  readonly result: string;
  readonly restarts: number;
  readonly loaded: boolean;
}

export interface Space {
  readonly usedPercent: number;
  readonly freeBytes: number;
  readonly inodesPercent: number;
}

const READ_BYTES_MAX = 64 * 1024;
const SYSTEMCTL_MS = 10_000;
const run = promisify(execFile);

export function machineWorld(root: string, time: MasterTime): BeaconWorld {
  const at = (path: string): string => join(root, path);
  const inside = (path: string): string => (root === "/" ? path : path.slice(root.length) || "/");
  return {
    now: () => time.steady(),
    wall: () => time.now(),
    offsetMs: () => (time.known ? time.offsetMs : undefined),
    cpus: availableParallelism,
    read: (path, bytesMax = READ_BYTES_MAX) => readStart(at(path), bytesMax),
    look: (path) => lookAt(at(path)),
    list: (path, namesMax) => listStart(at(path), namesMax),
    stream: (path) => createReadStream(at(path)) as AsyncIterable<Uint8Array>,
    space: (path) => spaceOf(at(path)),
    watch: (paths, changed) => watchPaths(paths.map(at), (path) => changed(inside(path))),
    unit: root === "/" ? unitNow : () => Promise.resolve(undefined),
    journal: root === "/" ? systemJournal : undefined,
    every,
  };
}

async function readStart(path: string, bytesMax: number): Promise<string | undefined> {
  const file = await open(path).catch(() => undefined);
  if (!file) return undefined;
  try {
    const buffer = Buffer.alloc(bytesMax);
    const { bytesRead } = await file.read(buffer, 0, bytesMax, 0);
    return buffer.toString("utf8", 0, bytesRead);
  } finally {
    await file.close();
  }
}

async function lookAt(path: string): ReturnType<BeaconWorld["look"]> {
  const found = await stat(path, { bigint: true }).catch(() => undefined);
  if (!found) return undefined;
  // Not the time of the last status change: a new link to the file is no change of it.
  const mark = `${found.dev}:${found.ino}:${found.size}:${found.mtimeNs}:${found.mode}:${found.uid}:${found.gid}`;
  return { mark, directory: found.isDirectory(), size: Number(found.size) };
}

async function listStart(path: string, namesMax: number): Promise<readonly string[]> {
  const names: string[] = [];
  const directory = await opendir(path).catch(() => undefined);
  if (!directory) return names;
  for await (const { name } of directory) if (names.push(name) >= namesMax) break;
  return names;
}

async function spaceOf(path: string): Promise<Space> {
  const { bsize, blocks, bfree, bavail, files, ffree } = await statfs(path);
  // As df counts it: what only root may use counts neither as used nor as free.
  const used = blocks - bfree;
  return {
    usedPercent: share(used, used + bavail),
    freeBytes: bavail * bsize,
    inodesPercent: share(files - ffree, files),
  };
}

const share = (part: number, whole: number): number =>
  whole <= 0 ? 0 : Math.min(100, Math.max(0, Math.round((part / whole) * 1000) / 10));

async function unitNow(unit: string): Promise<UnitNow | undefined> {
  const [program, ...args] = showUnits([unit]);
  const { stdout } = await run(program!, args, {
    timeout: SYSTEMCTL_MS,
    env: { PATH: "/usr/bin:/bin", LANG: "C.UTF-8" },
  });
  const found = parseUnits(stdout)[0];
  if (!found) return undefined;
  const { active, result, restarts, load } = found;
  return { state: active, result, restarts, loaded: load === "loaded" };
}

function every(ms: number, look: () => Promise<void>, failed: (thrown: unknown) => void): () => void {
  let timer: NodeJS.Timeout | undefined;
  let stopped = false;
  const turn = (): void => {
    look()
      .catch((thrown: unknown) => {
        if (!stopped) failed(thrown);
      })
      .finally(() => {
        if (!stopped) timer = setTimeout(turn, ms).unref();
      });
  };
  turn();
  return () => {
    stopped = true;
    clearTimeout(timer);
  };
}
