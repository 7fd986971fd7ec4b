/** The process in which reactors run, from outside: one frame at a time, so that whoever hangs or eats the memory is known. */
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, realpathSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Duplex, Readable } from "node:stream";

import { asBomaError, type BomaError, type SequencedEvent } from "@boma/protocol";
import { z } from "zod";

import { ownFile } from "../own-files.ts";
import { errorOf, FrameReader, frameOf } from "../site/child-words.ts";
import { placeText, SiteError } from "../site/site-error.ts";
import { fence, OVERHEAD_MIB, rssMiB } from "../site/site-process.ts";
import { type Act, ACTS_MAX, type Given, NOTES_MAX, type Said, Words } from "./reactor-words.ts";

export interface ReactorLimits {
  /** How long reactors may go on without giving a turn, and their files may take to load. */
  readonly busyMs: number;
  readonly memoryMiB: number;
}
export const REACTOR_LIMITS: ReactorLimits = { busyMs: 10_000, memoryMiB: 256 };

/** A machine under load starts processes slowly; none of the site's code runs by then. */
const START_MS_MAX = 60_000;
const MEMORY_LOOK_MS = 250;
const PRINTED_BYTES_MAX = 8192;
/** What one call may say, before it is taken for a flood. */
const WORDS_MAX = 4 * (ACTS_MAX + NOTES_MAX);

const CHILD = ownFile("reactors/reactor-child.ts");

/** The process ended while a call waited that was not to blame: it can be made again as it was. */
export class Interrupted extends Error {
  override readonly name = "Interrupted";
}

export interface Called {
  readonly file: string;
  readonly export: string;
  readonly event: SequencedEvent;
  /** Does what the reactor asks for, the n-th time that it asks. */
  readonly act: (act: Act, number: number) => Promise<unknown>;
  readonly note: (text: string) => void;
  readonly signal: AbortSignal;
}
interface Waiting extends Called {
  readonly ended: PromiseWithResolvers<{ readonly passed: boolean }>;
  words: number;
}
interface Frame {
  readonly given: Given;
  readonly taken: PromiseWithResolvers<void>;
}

export class ReactorProcess {
  readonly #child: ChildProcess;
  readonly #dir = mkdtempSync(join(tmpdir(), "boma-reactors-"));
  readonly #limits: ReactorLimits;
  readonly #calls = new Map<number, Waiting>();
  readonly #loads = new Map<string, PromiseWithResolvers<readonly Said[]>>();
  readonly #frames: Frame[] = [];
  readonly #look: NodeJS.Timeout;
  readonly #over = Promise.withResolvers<void>();
  #given: Frame | undefined;
  #isReady = false;
  #clock: NodeJS.Timeout;
  #printed = "";
  #at: string | undefined;
  #count = 0;
  #why: BomaError | undefined;
  #isOver = false;

  constructor(site: string, limits: ReactorLimits) {
    this.#limits = limits;
    const root = realpathSync(site);
    this.#child = spawn(process.execPath, [...fence(root, limits), CHILD, root], {
      cwd: this.#dir,
      // Nothing of the master's environment, so that no key and no option of Node comes along.
      env: { TZ: "UTC", LANG: "C.UTF-8" },
      stdio: ["pipe", "pipe", "pipe", "pipe"],
    });
    this.#child.unref();
    for (const stream of this.#child.stdio) (stream as (Duplex & { unref?(): void }) | null)?.unref?.();
    this.#child.once("close", (code, signal) => this.#ended(signal ?? `code ${code}`));
    this.#child.once("error", (error) => this.#ended(error.message));
    this.#clock = setTimeout(() => this.end(), START_MS_MAX);
    this.#look = setInterval(() => this.#lookAtMemory(), MEMORY_LOOK_MS).unref();
    this.#listen();
  }

  get alive(): boolean {
    return !this.#isOver && this.#why === undefined;
  }

  /** The reactors of one file, or what is wrong with it. */
  async load(file: string): Promise<readonly Said[]> {
    const loaded = Promise.withResolvers<readonly Said[]>();
    this.#loads.set(file, loaded);
    loaded.promise.catch(() => undefined);
    await this.#give({ give: "load", file });
    return loaded.promise;
  }

  /** Gives one event to one reactor, and does what it asks for until its handler ends. */
  async handle(called: Called): Promise<{ readonly passed: boolean }> {
    const call = this.#count++;
    const ended = Promise.withResolvers<{ readonly passed: boolean }>();
    ended.promise.catch(() => undefined);
    this.#calls.set(call, { ...called, ended, words: 0 });
    const drop = () => {
      ended.reject(called.signal.reason as Error);
      if (this.alive) this.#give({ give: "drop", call }).catch(() => undefined);
    };
    called.signal.addEventListener("abort", drop);
    try {
      called.signal.throwIfAborted();
      const { file, export: name, event } = called;
      await Promise.race([this.#give({ give: "event", call, file, export: name, event }), ended.promise]);
      return await ended.promise;
    } finally {
      called.signal.removeEventListener("abort", drop);
      this.#calls.delete(call);
    }
  }

  /** Ends it at once; what waits in it is made again by whoever wants it. */
  end(why?: BomaError): void {
    this.#why ??= why ?? new SiteError("site/ended", "the process of the reactors was ended");
    this.#child.kill("SIGKILL");
  }

  async close(): Promise<void> {
    this.#given = undefined;
    this.end();
    this.#child.ref();
    await this.#over.promise;
  }

  #give(given: Given): Promise<void> {
    const frame = { given, taken: Promise.withResolvers<void>() };
    frame.taken.promise.catch(() => undefined);
    if (!this.alive) frame.taken.reject(new Interrupted());
    else this.#frames.push(frame);
    this.#next();
    return frame.taken.promise;
  }

  #next(): void {
    if (!this.#isReady || this.#given || !this.alive) return;
    this.#given = this.#frames.shift();
    if (!this.#given) return;
    this.#child.stdin!.write(frameOf(this.#given.given));
    this.#clock = setTimeout(() => this.end(this.#hung()), this.#limits.busyMs);
  }

  #listen(): void {
    const reader = new FrameReader();
    (this.#child.stdio[3] as Readable).on("data", (bytes: Buffer) => {
      try {
        for (const frame of reader.take(bytes)) if (this.alive) this.#take(Words.parse(frame));
      } catch (thrown) {
        const what = thrown instanceof z.ZodError ? z.prettifyError(thrown) : asBomaError(thrown).message;
        this.end(
          new SiteError("reactor/failed", `it says what cannot be understood: ${what.slice(0, 1000)}`),
        );
      }
    });
    const print = (bytes: Buffer) => {
      if (this.#printed.length < PRINTED_BYTES_MAX) this.#printed += bytes.toString("utf8");
    };
    this.#child.stdout!.on("data", print);
    this.#child.stderr!.on("data", print);
    // It may be gone when we write; its end says why.
    this.#child.stdin!.on("error", () => undefined);
  }

  #take(words: Words): void {
    switch (words.say) {
      case "ready":
        clearTimeout(this.#clock);
        this.#isReady = true;
        return this.#next();
      case "taken":
        clearTimeout(this.#clock);
        this.#given?.taken.resolve();
        this.#given = undefined;
        return this.#next();
      case "at":
        this.#at = words.file;
        return;
      case "loaded":
        if (words.error) this.#loads.get(words.file)?.reject(errorOf(words.error));
        else this.#loads.get(words.file)?.resolve(words.reactors);
        return void this.#loads.delete(words.file);
      case "ask":
      case "ended":
      case "note":
        return this.#hear(words);
    }
  }

  #hear(words: Extract<Words, { call?: number | undefined }>): void {
    const call = words.call === undefined ? undefined : this.#calls.get(words.call);
    if (!call) return;
    if (++call.words > WORDS_MAX)
      return this.#blame(new SiteError("reactor/limit", "it says more than a reactor may"), words.call!);
    if (words.say === "note")
      call.note(words.place ? `${placeText(words.place)}: ${words.text}` : words.text);
    else if (words.say === "ask") void this.#act(words, call);
    else if (words.error) call.ended.reject(errorOf(words.error));
    else call.ended.resolve({ passed: words.passed });
  }

  async #act({ call, ask, act }: Words & { say: "ask" }, called: Waiting): Promise<void> {
    let given: Given;
    try {
      given = { give: "answer", call, ask, value: (await called.act(act, ask)) ?? null };
    } catch (thrown) {
      const { code, message, hint } = asBomaError(thrown);
      given = { give: "answer", call, ask, error: { code, message, hint } };
    }
    if (this.#calls.has(call)) await this.#give(given).catch(() => undefined);
  }

  #blame(why: BomaError, call: number): void {
    this.#calls.get(call)?.ended.reject(why);
    this.end(why);
  }

  #hung(): SiteError {
    const given = this.#given?.given;
    const what = given?.give === "load" ? "loading it" : "it";
    return new SiteError(
      "site/time",
      `${what} did not give a turn within ${this.#limits.busyMs} ms`,
      this.#at === undefined || given?.give !== "load" ? {} : { place: { file: this.#at } },
    );
  }

  /** Bytes outside of the heap are not bounded by it. */
  #lookAtMemory(): void {
    const rss = rssMiB(this.#child.pid);
    if (rss !== undefined && rss > this.#limits.memoryMiB + OVERHEAD_MIB) this.end(this.#tooLarge());
  }

  #tooLarge(): SiteError {
    return new SiteError("site/memory", `it used more than ${this.#limits.memoryMiB} MiB of memory`);
  }

  /** Whoever had the turn is to blame; everybody else was only interrupted. */
  #ended(how: string): void {
    if (this.#isOver) return;
    this.#isOver = true;
    clearTimeout(this.#clock);
    clearInterval(this.#look);
    rmSync(this.#dir, { recursive: true, force: true });
    const why = this.#why ?? this.#died(how);
    const given = this.#given?.given;
    this.#given?.taken.reject(why);
    for (const { taken } of this.#frames) taken.reject(new Interrupted());
    for (const [file, { reject }] of this.#loads)
      reject(given?.give === "load" && given.file === file ? why : new Interrupted());
    const guilty = given && "call" in given ? given.call : undefined;
    for (const [call, { ended }] of this.#calls) ended.reject(call === guilty ? why : new Interrupted());
    this.#over.resolve();
  }

  #died(how: string): SiteError {
    if (/heap out of memory|Reached heap limit|invalid table size|Allocation failed/i.test(this.#printed))
      return this.#tooLarge();
    const rows = this.#printed.split("\n").filter((row) => row.trim() !== "");
    const said = rows.length === 0 ? "" : `: ${rows.slice(0, 6).join("\n").slice(0, 1000)}`;
    return new SiteError("site/ended", `the process in which it ran ended by ${how}${said}`);
  }
}
