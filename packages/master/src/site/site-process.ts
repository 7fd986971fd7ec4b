/** The process that evaluates the site, from outside: started without anything, bounded in time and memory, never believed. */
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, readFileSync, realpathSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import type { Duplex, Readable } from "node:stream";
import { fileURLToPath } from "node:url";

import { BomaError } from "@boma/protocol";
import { z } from "zod";

import { ownFile } from "../own-files.ts";
import { FrameReader, frameOf, type Question, Words } from "./child-words.ts";
import { type Place, SiteError } from "./site-error.ts";

export interface SiteLimits {
  /** How long loading may take, or one batch of nodes. */
  readonly timeMs: number;
  readonly memoryMiB: number;
}
export const LIMITS: SiteLimits = { timeMs: 10_000, memoryMiB: 512 };

/** The process names its own loop; only one that cannot do that any more is ended from outside. */
const GRACE_MS = 3000;
const MEMORY_LOOK_MS = 250;
const PRINTED_BYTES_MAX = 8192;
/** What Node itself needs beside the heap. */
export const OVERHEAD_MIB = 256;
/** A machine under load starts processes slowly; none of the site's code runs by then. */
const START_MS_MAX = 60_000;
const WORDS_MAX = 200_000;

const CHILD = ownFile("site/compiler-child.ts");

/** How a process came to its end, if it did. */
type End = { readonly code: number | null; readonly signal: NodeJS.Signals | null };

export class SiteProcess {
  readonly #child: ChildProcess;
  readonly #dir: string;
  readonly #limits: SiteLimits;
  readonly #ended: Promise<End>;
  readonly #ready = Promise.withResolvers<void>();
  #printed = "";
  #alive = true;
  /** Why it was ended from here. */
  #why: SiteError | undefined;
  #at: { readonly file?: string | undefined; readonly node?: string | undefined } = {};
  #hear: (words: Words) => void = () => undefined;

  constructor(site: string, limits: SiteLimits) {
    this.#limits = limits;
    this.#dir = mkdtempSync(join(tmpdir(), "boma-site-"));
    const args = [...fence(realpathSync(site), limits), CHILD, realpathSync(site), String(limits.timeMs)];
    this.#child = spawn(process.execPath, args, {
      cwd: this.#dir,
      // Nothing of the master's environment, so that no key and no option of Node comes along.
      env: { TZ: "UTC", LANG: "C.UTF-8" },
      stdio: ["pipe", "pipe", "pipe", "pipe"],
    });
    this.#child.unref();
    for (const stream of this.#child.stdio) (stream as (Duplex & { unref?(): void }) | null)?.unref?.();
    this.#ended = new Promise((resolve) => {
      const over = (end: End) => {
        this.#alive = false;
        rmSync(this.#dir, { recursive: true, force: true });
        resolve(end);
      };
      this.#child.once("close", (code, signal) => over({ code, signal }));
      this.#child.once("error", (error) => {
        this.#printed += error.message;
        over({ code: null, signal: null });
      });
    });
    this.#listen();
  }

  get alive(): boolean {
    return this.#alive && this.#why === undefined;
  }

  #listen(): void {
    const reader = new FrameReader();
    (this.#child.stdio[3] as Readable).on("data", (bytes: Buffer) => {
      if (this.#why) return;
      try {
        for (const frame of reader.take(bytes)) this.#take(Words.parse(frame));
      } catch (thrown) {
        const what =
          thrown instanceof z.ZodError ? z.prettifyError(thrown).slice(0, 2000) : (thrown as Error).message;
        this.end(
          new SiteError("site/broken", `the site gives what is not a catalog: ${what}`, {
            place: this.#place,
          }),
        );
      }
    });
    const print = (bytes: Buffer) => {
      if (this.#printed.length < PRINTED_BYTES_MAX)
        this.#printed += bytes.toString("utf8").slice(0, PRINTED_BYTES_MAX);
    };
    this.#child.stdout!.on("data", print);
    this.#child.stderr!.on("data", print);
    // It may be gone when we write; its end says why.
    this.#child.stdin!.on("error", () => undefined);
  }

  #take(words: Words): void {
    if (words.say === "ready") this.#ready.resolve();
    else if (words.say === "at") this.#at = words;
    else this.#hear(words);
  }

  /** Waits for what is to come, but no longer than the process lives or the time allows. */
  async #within(ms: number, what: Promise<void>): Promise<void> {
    const timer = setTimeout(() => this.end(this.#hung(undefined)), ms);
    try {
      await Promise.race([
        what,
        this.#ended.then((end) => {
          throw this.#why ?? this.#died(end);
        }),
      ]);
    } finally {
      clearTimeout(timer);
    }
  }

  get #place(): Place | undefined {
    return this.#at.file === undefined ? undefined : { file: this.#at.file };
  }

  /** Asks, and hands on what is answered until it is all. Throws where the process did not come to that. */
  async ask(question: Question, hear: (words: Words) => void): Promise<void> {
    const done = Promise.withResolvers<void>();
    let count = 0;
    this.#hear = (words) => {
      if (++count > WORDS_MAX) this.end(new SiteError("site/broken", "the site says more than it may"));
      else if (words.say === "done") done.resolve();
      else if (words.say === "hung") this.end(this.#hung(words.place));
      else hear(words);
    };
    const look = setInterval(() => this.#lookAtMemory(), MEMORY_LOOK_MS);
    try {
      await this.#within(START_MS_MAX, this.#ready.promise);
      this.#child.stdin!.write(frameOf(question));
      await this.#within(this.#limits.timeMs + GRACE_MS, done.promise);
    } finally {
      clearInterval(look);
      this.#hear = () => undefined;
    }
  }

  /** Ends it at once; there is nothing in it that could be lost. */
  end(why?: SiteError): void {
    this.#why ??= why ?? new SiteError("site/ended", "the process of the site was ended");
    this.#child.kill("SIGKILL");
  }

  async close(): Promise<void> {
    this.end();
    this.#child.ref();
    await this.#ended;
  }

  #hung(place: Place | undefined): SiteError {
    const { node } = this.#at;
    const whom = node === undefined ? "" : ` for ${node}`;
    return new SiteError(
      "site/time",
      `the site's code did not come to an end within ${this.#limits.timeMs} ms${whom}`,
      {
        place: place ?? this.#place,
      },
    );
  }

  #tooLarge(): SiteError {
    const { node } = this.#at;
    const whom = node === undefined ? "" : ` for ${node}`;
    return new SiteError(
      "site/memory",
      `the site's code used more than ${this.#limits.memoryMiB} MiB of memory${whom}`,
      {
        place: this.#place,
      },
    );
  }

  /** Bytes outside of the heap are not bounded by it. */
  #lookAtMemory(): void {
    const rss = rssMiB(this.#child.pid);
    if (rss !== undefined && rss > this.#limits.memoryMiB + OVERHEAD_MIB) this.end(this.#tooLarge());
  }

  #died({ code, signal }: End): SiteError {
    if (/heap out of memory|Reached heap limit|invalid table size|Allocation failed/i.test(this.#printed))
      return this.#tooLarge();
    const how = signal === null ? `with code ${code}` : `by ${signal}`;
    const rows = this.#printed.split("\n").filter((row) => row.trim() !== "");
    const said = rows.length === 0 ? "" : `: ${rows.slice(0, 6).join("\n").slice(0, 1000)}`;
    return new SiteError("site/ended", `the process in which the site runs ended ${how}${said}`, {
      place: this.#place,
    });
  }
}

export function rssMiB(pid: number | undefined): number | undefined {
  try {
    const [, resident] = /^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, "utf8")) ?? [];
    return resident === undefined ? undefined : Number(resident) / 1024;
  } catch {
    return undefined; // It has gone, or this system has no such file.
  }
}

/** Reading is allowed where the site and boma's own code lie, and nothing else is at all. */
export function fence(site: string, { memoryMiB }: Pick<SiteLimits, "memoryMiB">): string[] {
  if (/[*,]/.test(site))
    throw new BomaError("site/missing", `the site's path may hold no \`*\` and no \`,\`: ${site}`);
  return [
    "--permission",
    ...[site, ...ownCode()].map((path) => `--allow-fs-read=${path}/`),
    `--max-old-space-size=${memoryMiB}`,
    "--disable-proto=delete",
    "--frozen-intrinsics",
    "--disable-sigusr1",
    "--no-warnings",
    "--stack-trace-limit=25",
  ];
}

/** The packages of boma and what they import, wherever they are installed. */
function ownCode(): string[] {
  const packages = ["@boma/protocol", "@boma/states", "zod", "eta", "yaml"].map((name) => {
    const entry = fileURLToPath(import.meta.resolve(name));
    const at = entry.lastIndexOf("/node_modules/");
    return at < 0 ? dirname(dirname(realpathSync(entry))) : entry.slice(0, at + "/node_modules".length);
  });
  return [...new Set([...packages, dirname(dirname(CHILD))].map((path) => realpathSync(path)))];
}
