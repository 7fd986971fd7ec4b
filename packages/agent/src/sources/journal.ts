/**
 * What systemd and the programs that let people in write to the journal of this machine. However many listen, there
 * is one `journalctl` that follows it, and none while nobody listens. Only fields that journald itself puts there say
 * who wrote an entry: a user may write a text that looks like any other.
 */
import { type ChildProcess, spawn } from "node:child_process";

import { z } from "zod";

import { messageOf } from "../files.ts";
import { backoff } from "../wait.ts";
import { splitEntries } from "./entries.ts";

/** systemd's own ids of what it says about units. */
export const UNIT_MESSAGES = {
  started: "39f53479d3a045ac8e11786248231fbf",
  stopped: "9d1aaa27d60140bd96365438aad20286",
  startFailed: "be02cf6855d2428ba40df7e9d022f03d",
  reloaded: "7b05ebc668384222baa8881179cfda54",
  failed: "d9b373ed55a64feb8242e02dbe79a49c",
  succeeded: "7ad2d189f7e94e70a38c781354912448",
  restartScheduled: "5eb03494b6584870a536b337290809b3",
  processExited: "98e322203f7a4ed290d09fe03c09fe15",
} as const;

/** The programs whose words about logins count, as the kernel names them. */
const DOORS = ["sshd", "sshd-session", "login"];
const FIELDS = ["MESSAGE", "MESSAGE_ID", "UNIT", "_PID", "_COMM"];

const Entry = z.object({
  __CURSOR: z.string().max(1024),
  MESSAGE: z.string().optional().catch(undefined),
  MESSAGE_ID: z.string().optional().catch(undefined),
  UNIT: z.string().max(256).optional().catch(undefined),
  _PID: z.string().optional().catch(undefined),
  _COMM: z.string().optional().catch(undefined),
});
export type JournalEntry = z.output<typeof Entry>;

export interface Following {
  stop(): void;
}

export interface SystemJournalOptions {
  /** Starts the follower; tests bring their own. */
  readonly start?: (args: readonly string[]) => ChildProcess;
  readonly firstRetryMs?: number;
}

const RETRY_MS = { firstMs: 1_000, lastMs: 300_000 };
/** One that held for so long was no failed start. */
const STEADY_MS = 60_000;
/** One that still runs by then follows, though nothing may have happened yet. */
const SETTLED_MS = 3_000;
const WORDS_LENGTH_MAX = 200;

/** The entries that are asked for: systemd's own about units, and those of the doors. */
const MATCHES = [
  "_PID=1",
  ...Object.values(UNIT_MESSAGES).map((id) => `MESSAGE_ID=${id}`),
  "+",
  "_UID=0",
  ...DOORS.map((comm) => `_COMM=${comm}`),
];

const startJournalctl = (args: readonly string[]): ChildProcess =>
  spawn("journalctl", args, {
    stdio: ["ignore", "pipe", "pipe"],
    env: { PATH: "/usr/bin:/bin", LANG: "C.UTF-8" },
  });

export class SystemJournal {
  readonly #start: (args: readonly string[]) => ChildProcess;
  readonly #waits: ReturnType<typeof backoff>;
  readonly #listeners = new Set<(entry: JournalEntry) => void>();
  #child: ChildProcess | undefined;
  #retry: NodeJS.Timeout | undefined;
  #cursor: string | undefined;
  #problem: string | undefined;

  constructor({ start = startJournalctl, firstRetryMs = RETRY_MS.firstMs }: SystemJournalOptions = {}) {
    this.#start = start;
    this.#waits = backoff({ ...RETRY_MS, firstMs: firstRetryMs });
  }

  /** Why nothing is heard at present, where that is so. */
  get problem(): string | undefined {
    return this.#problem;
  }
  get pid(): number | undefined {
    return this.#child?.pid;
  }

  /** Entries from now on. */
  follow(listener: (entry: JournalEntry) => void): Following {
    this.#listeners.add(listener);
    if (!this.#child && !this.#retry) this.#begin();
    return {
      stop: () => {
        if (this.#listeners.delete(listener) && this.#listeners.size === 0) this.#end();
      },
    };
  }

  /** Something happened to one of these units. */
  watchUnits(units: readonly string[], changed: (unit: string, entry: JournalEntry) => void): Following {
    const wanted = new Set(units);
    return this.follow((entry) => {
      const { UNIT: unit } = entry;
      if (entry._PID === "1" && unit !== undefined && wanted.has(unit)) changed(unit, entry);
    });
  }

  #begin(): void {
    const from = this.#cursor === undefined ? ["--lines=0"] : [`--after-cursor=${this.#cursor}`];
    const child = this.#start([
      "--follow",
      "--output=json",
      `--output-fields=${FIELDS.join(",")}`,
      "--quiet",
      ...from,
      ...MATCHES,
    ]);
    this.#child = child;
    const began = performance.now();
    let words = "";
    child.stderr?.on("data", (data: Buffer) => {
      words = (words + data.toString()).slice(-WORDS_LENGTH_MAX);
    });
    const lines = splitEntries((line) => this.#heard(line));
    child.stdout?.on("data", lines);
    child.once("error", (thrown) => this.#lost(child, messageOf(thrown)));
    child.once("close", (code) => {
      if (performance.now() - began > STEADY_MS) this.#waits.reset();
      this.#lost(child, words.trim() || `journalctl ended with ${code}`);
    });
    setTimeout(() => {
      if (this.#child === child) this.#problem = undefined;
    }, SETTLED_MS).unref();
    // It must not keep a process alive that has nothing else to do.
    child.unref();
  }

  #heard(line: string): void {
    let entry: JournalEntry;
    try {
      entry = Entry.parse(JSON.parse(line));
    } catch {
      return;
    }
    this.#cursor = entry.__CURSOR;
    this.#problem = undefined;
    for (const listener of this.#listeners) listener(entry);
  }

  #lost(child: ChildProcess, why: string): void {
    if (this.#child !== child) return;
    this.#child = undefined;
    this.#problem = why;
    this.#retry = setTimeout(() => {
      this.#retry = undefined;
      this.#begin();
    }, this.#waits.next()).unref();
  }

  #end(): void {
    clearTimeout(this.#retry);
    this.#retry = undefined;
    const child = this.#child;
    this.#child = undefined;
    this.#cursor = undefined;
    this.#problem = undefined;
    child?.stdout?.destroy();
    child?.stderr?.destroy();
    child?.kill();
  }
}

/** The one that everything in this process shares. */
export const systemJournal = new SystemJournal();
