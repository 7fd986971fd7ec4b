/**
 * Who was acting as root at a moment, read from entries of the journal. Only what
 * the system itself wrote counts, and where two could have done it nobody is named.
 */
import { basename, resolve } from "node:path";

import { z } from "zod";

const SUDO = "/usr/bin/sudo";
const DOORS: readonly string[] = ["sshd", "sshd-session"];

const Entry = z.object({
  __REALTIME_TIMESTAMP: z.coerce.number(),
  MESSAGE: z.string(),
  _PID: z.string(),
  _COMM: z.string(),
  _EXE: z.string().optional().catch(undefined),
  _UID: z.string().optional().catch(undefined),
});
type Entry = z.output<typeof Entry>;

interface Session {
  /** As it is shown: `alice (sudo tee)`. */
  readonly who: string;
  readonly user: string;
  readonly via: "sudo" | "ssh";
  readonly command?: { readonly line: string; readonly cwd: string };
  readonly from: number;
  readonly to?: number;
}

/** How far apart the clocks of a file system and of the journal may be. */
const SLACK_MS = 1_500;
const NAMED_MAX = 3;

/** `about`: words by which a command line may name what changed: paths, units. */
export function actingAt(lines: readonly string[], at: number, about: readonly string[]): readonly string[] {
  const open = sessionsIn(lines).filter(
    ({ from, to }) => from <= at + SLACK_MS && (to === undefined || to >= at - SLACK_MS),
  );
  const naming = open.filter(({ command }) => command && about.some((word) => names(command, word)));
  if (naming.length > 0) return [...new Set(naming.map(({ who }) => who))].slice(0, NAMED_MAX);
  for (const via of ["sudo", "ssh"] as const) {
    const those = open.filter((session) => session.via === via);
    const users = new Set(those.map(({ user }) => user));
    if (users.size === 1) return [those.at(-1)!.who];
    if (users.size > 1) return [];
  }
  return [];
}

function names({ line, cwd }: NonNullable<Session["command"]>, word: string): boolean {
  const stem = word.replace(/\.service$/, "");
  return line
    .split(/[\s'"<>|;&=]+/)
    .some((part) => part === word || part === stem || (part !== "" && resolve(cwd, part) === word));
}

function sessionsIn(lines: readonly string[]): readonly Session[] {
  const sessions = new Map<string, Session>();
  for (const line of lines) {
    const entry = read(line);
    if (!entry) continue;
    const key = `${entry._COMM} ${entry._PID}`;
    const began = beginOf(entry);
    if (began) sessions.set(key, began);
    const held = sessions.get(key);
    if (held && !began && entry.MESSAGE.includes("session closed for user"))
      sessions.set(key, { ...held, to: timeOf(entry) });
  }
  return [...sessions.values()];
}

function read(line: string): Entry | undefined {
  try {
    return Entry.parse(JSON.parse(line));
  } catch {
    return undefined;
  }
}

const timeOf = (entry: Entry): number => Math.round(entry.__REALTIME_TIMESTAMP / 1000);

/** A refusal has other words in the place of these, and is not one of them. */
const COMMAND =
  /^\s*([a-z_][a-z0-9_.-]{0,63}) : (?:HOST=\S+ ; )?(?:TTY=\S+ ; )?PWD=(\/[^;]*) ; USER=(\S+) ; (?:[A-Z]+=\S* ; )*COMMAND=(.+)$/s;
const ACCEPTED = /^Accepted \S+ for root from ([0-9a-f.:]+) port \d+/;

function beginOf(entry: Entry): Session | undefined {
  const from = timeOf(entry);
  if (entry._EXE === SUDO) {
    const [, user, cwd, target, line] = COMMAND.exec(entry.MESSAGE) ?? [];
    if (user === undefined || cwd === undefined || line === undefined || target !== "root") return undefined;
    // Its arguments may hold what is nobody's business.
    const program = basename(line.split(/\s/)[0] ?? "");
    return { who: `${user} (sudo ${program})`, user, via: "sudo", command: { line, cwd }, from };
  }
  if (!DOORS.includes(entry._COMM) || entry._UID !== "0") return undefined;
  const [, address] = ACCEPTED.exec(entry.MESSAGE) ?? [];
  return address === undefined
    ? undefined
    : { who: `root from ${address} (ssh)`, user: address, via: "ssh", from };
}
