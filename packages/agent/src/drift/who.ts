/** Since when something differs and whose doing it was, as far as the machine tells. Never wrong rather than often. */
import { lstat, open } from "node:fs/promises";
import { dirname, join } from "node:path";
import { setTimeout } from "node:timers/promises";

import type { ReadCommands } from "@boma/states/core";

import { aptDeed } from "./apt-history.ts";
import { actingAt } from "./sessions.ts";

export interface Change {
  readonly claims: readonly string[];
  /** When it was last known to be as it should be. All times here are those of the machine's own clock. */
  readonly goodAt: number;
  readonly now: number;
}

export interface Attribution {
  readonly since: number;
  /** The moment of the change itself, or that of the last look at which it was good. */
  readonly sinceBy: "change" | "look";
  readonly who: readonly string[];
}

export interface Witnesses {
  /** Where the machine's files begin. */
  readonly root: string;
  readonly commands: ReadCommands;
  /** How long a fresh line of the journal is waited for. */
  readonly laterMs?: number;
}

/** What a change may be off the last good look by the grain of the clocks. */
const SLACK_MS = 2_000;

export async function attribute(change: Change, witnesses: Witnesses): Promise<Attribution> {
  const { goodAt, now } = change;
  const of = (kind: string): string[] =>
    change.claims.flatMap((claim) => (claim.startsWith(`${kind}:`) ? [claim.slice(kind.length + 1)] : []));
  const [files, units, packages] = [of("file"), of("unit"), of("pkg")];
  if (packages.length > 0) {
    const deed = aptDeed(await aptHistory(witnesses.root), packages, goodAt - SLACK_MS);
    if (deed && deed.at <= now + SLACK_MS) return { since: deed.at, sinceBy: "change", who: [deed.who] };
  }
  const moments = [...(await changesOf(files, witnesses.root)), ...(await deedsOf(units, goodAt, witnesses))];
  const at = Math.max(...moments.filter((moment) => moment >= goodAt - SLACK_MS && moment <= now + SLACK_MS));
  if (at === Number.NEGATIVE_INFINITY) return { since: goodAt, sinceBy: "look", who: [] };
  const about = [...files, ...units];
  let who = await whoAt(at, about, witnesses);
  if (who.length === 0 && now - at < FRESH_MS) {
    await setTimeout(witnesses.laterMs ?? LATER_MS);
    who = await whoAt(at, about, witnesses);
  }
  return { since: at, sinceBy: "change", who };
}

/** When each was last changed in any way; where one is gone, when its directory was. */
async function changesOf(paths: readonly string[], root: string): Promise<number[]> {
  const moments = await Promise.all(
    paths.map(async (path) => {
      const held = await lstat(join(root, path)).catch(() => undefined);
      if (held) return held.ctimeMs;
      return (await lstat(dirname(join(root, path))).catch(() => undefined))?.mtimeMs;
    }),
  );
  return moments.filter((moment) => moment !== undefined).map(Math.round);
}

const JOURNAL_MS = 20_000;
/** On a busy machine the journal has a line some moments after the deed; of what is older it has all. */
const FRESH_MS = 10_000;
const LATER_MS = 2_000;
const FIELDS = "MESSAGE,_PID,_COMM,_EXE,_UID";
const HOUR_S = 3600;

/** When systemd last said something of these units. */
async function deedsOf(units: readonly string[], since: number, witnesses: Witnesses): Promise<number[]> {
  if (units.length === 0) return [];
  const [last] = await journal(witnesses, [
    `--since=@${Math.floor(since / 1000)}`,
    "--lines=1",
    "_PID=1",
    ...units.map((unit) => `UNIT=${unit}`),
  ]);
  const at = last === undefined ? undefined : timeIn(last);
  return at === undefined ? [] : [at];
}

function timeIn(line: string): number | undefined {
  try {
    const { __REALTIME_TIMESTAMP: micros } = JSON.parse(line) as { __REALTIME_TIMESTAMP?: unknown };
    return typeof micros === "string" ? Math.round(Number(micros) / 1000) : undefined;
  } catch {
    return undefined;
  }
}

/** Who acted as root then. A session may have begun long before. */
async function whoAt(at: number, about: readonly string[], witnesses: Witnesses): Promise<readonly string[]> {
  const seconds = Math.floor(at / 1000);
  const lines = await journal(witnesses, [
    `--since=@${seconds - 12 * HOUR_S}`,
    `--until=@${seconds + 60}`,
    "--lines=5000",
    "_COMM=sudo",
    "+",
    "_UID=0",
    "_COMM=sshd",
    "_COMM=sshd-session",
  ]);
  return actingAt(lines, at, about);
}

/** Lines of the journal, none where it cannot be asked. */
async function journal({ commands }: Witnesses, args: readonly string[]): Promise<readonly string[]> {
  const argv = ["journalctl", "--output=json", `--output-fields=${FIELDS}`, "--quiet", ...args];
  try {
    const { exitCode, stdout } = await commands.read({
      argv,
      timeoutMs: JOURNAL_MS,
      quiet: true,
      keepBytes: 4 * 1024 * 1024,
    });
    return exitCode === 0 ? stdout.split("\n").filter(Boolean) : [];
  } catch {
    return [];
  }
}

const HISTORY_BYTES_MAX = 256 * 1024;

/** The end of what apt wrote. */
async function aptHistory(root: string): Promise<string> {
  try {
    await using file = await open(join(root, "var/log/apt/history.log"), "r");
    const { size } = await file.stat();
    const buffer = Buffer.alloc(Math.min(size, HISTORY_BYTES_MAX));
    await file.read(buffer, 0, buffer.length, size - buffer.length);
    return buffer.toString();
  } catch {
    return "";
  }
}
