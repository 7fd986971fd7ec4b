/**
 * What this agent has begun, finished and handed over, kept across crashes. A
 * job's start is on the disk before its effect begins, its return before it
 * counts as kept, and so nothing runs twice and no answer is forgotten.
 */
import { type FileHandle, open } from "node:fs/promises";
import { dirname } from "node:path";
import { setTimeout } from "node:timers/promises";

import { BomaError, type JobOrder, unpack } from "@boma/protocol";

import { readIfThere, syncDirectory, writeAtomic } from "./files.ts";
import { JOURNAL_HEAD, packRecord, PREFIX_BYTES, scanJournal } from "./journal-file.ts";

export interface StartedRecord {
  readonly kind: "started";
  readonly job: string;
  readonly onRestart: "fail" | "resume";
  readonly order: JobOrder;
}

export interface DoneRecord {
  readonly kind: "done";
  readonly job: string;
  /** Until then, and a while longer, the id is remembered. */
  readonly expiresAt: number;
  /** The message id that stays the same over every attempt to hand the return over. */
  readonly id: string;
  /** The signed return; empty once it was handed over and the room was needed. */
  readonly frame: Uint8Array;
}

export type JournalRecord =
  | StartedRecord
  | DoneRecord
  | { readonly kind: "acked"; readonly job: string }
  | { readonly kind: "mailbox"; readonly number: number };

export type KeptReturn = Pick<DoneRecord, "job" | "id" | "frame">;

export interface JournalOptions {
  /** The master's time, or `undefined` while it is not known: then nothing is forgotten. */
  readonly now?: () => number | undefined;
  readonly durable?: boolean;
  readonly compactBytes?: number;
  /** Tests bring files that fail. */
  readonly openFile?: (path: string) => Promise<FileHandle>;
}

/** Done ids outlive their job's expiry by this much, for clocks that differ and mail that lingers. */
const REMEMBER_MS = 3_600_000;
const COMPACT_BYTES = 4 * 1024 * 1024;
/** Records that need not be durable are written by the handful. */
const GATHER_MS = 100;

interface Done {
  readonly id: string;
  readonly expiresAt: number;
  acked: boolean;
  /** Where the record lies in the file; a frame that could not be written stays in memory. */
  place: { readonly at: number; readonly length: number } | undefined;
  frame: Uint8Array | undefined;
}

interface Pending {
  readonly record: JournalRecord;
  readonly bytes: Uint8Array;
  readonly sync: boolean;
  readonly settled: PromiseWithResolvers<void>;
}

export class Journal {
  readonly #path: string;
  readonly #options: JournalOptions;
  readonly corrupt: boolean;
  readonly #started = new Map<string, StartedRecord>();
  readonly #done = new Map<string, Done>();
  #mailbox = 0;
  #file: FileHandle | undefined;
  #end: number;
  #compactAt: number;
  #queue: Pending[] = [];
  #writing: Promise<void> | undefined;
  #broken: unknown;

  private constructor(path: string, options: JournalOptions, state: { corrupt: boolean; end: number }) {
    this.#path = path;
    this.#options = options;
    this.corrupt = state.corrupt;
    this.#end = state.end;
    this.#compactAt = Math.max(options.compactBytes ?? COMPACT_BYTES, state.end * 2);
  }

  static async open(path: string, options: JournalOptions = {}): Promise<Journal> {
    const held = await readIfThere(path);
    if (!held) {
      await writeAtomic(path, JOURNAL_HEAD, { durable: options.durable ?? true });
      return Journal.open(path, options);
    }
    const scan = scanJournal(held);
    const journal = new Journal(path, options, { corrupt: scan.state === "corrupt", end: scan.end });
    for (const { record, ...place } of scan.records) journal.#apply(record as JournalRecord, place);
    if (journal.corrupt) return journal;
    journal.#file = await (options.openFile ?? ((file) => open(file, "r+")))(path);
    await journal.#cutTornEnd(scan.state === "torn");
    return journal;
  }

  async #cutTornEnd(isTorn: boolean): Promise<void> {
    if (!isTorn || !this.#file) return;
    await this.#file.truncate(this.#end);
    if (this.#end === 0) {
      await this.#file.write(JOURNAL_HEAD, 0, JOURNAL_HEAD.length, 0);
      this.#end = JOURNAL_HEAD.length;
    }
    await this.#file.sync();
  }

  get bytes(): number {
    return this.#end;
  }
  get mailboxNumber(): number {
    return this.#mailbox;
  }
  stateOf(job: string): "started" | "done" | undefined {
    return this.#done.has(job) ? "done" : this.#started.has(job) ? "started" : undefined;
  }
  /** Begun by an earlier process and never finished. */
  interrupted(): StartedRecord[] {
    return [...this.#started.values()];
  }
  /** Returns that nobody has acknowledged, oldest first. */
  async unsent(): Promise<KeptReturn[]> {
    const jobs = [...this.#done].filter(([, done]) => !done.acked).map(([job]) => job);
    const returns = await Promise.all(jobs.map((job) => this.returnOf(job)));
    return returns.filter((kept) => kept !== undefined);
  }

  /** The return of a finished job, to be sent again; `undefined` when it was forgotten. */
  async returnOf(job: string): Promise<KeptReturn | undefined> {
    const done = this.#done.get(job);
    const frame = done && (done.frame ?? (await this.#frameAt(done)));
    return frame && frame.length > 0 ? { job, id: done.id, frame } : undefined;
  }

  async #frameAt({ place }: Done): Promise<Uint8Array | undefined> {
    if (!place || !this.#file) return undefined;
    const bytes = Buffer.alloc(place.length);
    await this.#file.read(bytes, 0, place.length, place.at);
    return (unpack(bytes.subarray(PREFIX_BYTES)) as DoneRecord).frame;
  }

  /** Resolves when the record is written, with `sync` when it is on the disk. */
  append(record: JournalRecord, { sync }: { readonly sync: boolean }): Promise<void> {
    if (this.corrupt)
      return Promise.reject(
        new BomaError("journal/corrupt", `${this.#path} is damaged: nothing is recorded`),
      );
    const settled = Promise.withResolvers<void>();
    // A return that cannot be written is still known to this process.
    if (record.kind !== "started") this.#apply(record, undefined);
    this.#queue.push({
      record,
      bytes: packRecord(record),
      sync: sync && this.#options.durable !== false,
      settled,
    });
    this.#writing ??= this.#write();
    // What nobody would miss keeps nobody waiting.
    if (this.#options.durable === false) settled.resolve();
    return settled.promise;
  }

  /** Whatever came while the last write was under way shares the next one, and its fsync. */
  async #write(): Promise<void> {
    await (this.#options.durable === false ? setTimeout(GATHER_MS) : Promise.resolve());
    while (this.#queue.length > 0) {
      const batch = this.#queue.splice(0);
      try {
        await this.#writeBatch(batch);
        for (const { settled } of batch) settled.resolve();
      } catch (thrown) {
        for (const { settled } of batch) settled.reject(thrown);
      }
      if (this.#end > this.#compactAt) await this.#compact().catch(() => (this.#compactAt *= 2));
    }
    // In the same breath as the last look at the queue: what comes a moment later starts a new turn.
    this.#writing = undefined;
  }

  async #writeBatch(batch: readonly Pending[]): Promise<void> {
    if (this.#broken !== undefined || !this.#file) throw this.#broken ?? new Error("the journal is closed");
    const bytes = Buffer.concat(batch.map((pending) => pending.bytes));
    try {
      for (let written = 0; written < bytes.length;)
        written += (await this.#file.write(bytes, written, bytes.length - written, this.#end + written))
          .bytesWritten;
      if (batch.some(({ sync }) => sync)) await this.#file.datasync();
    } catch (thrown) {
      // Half a record before the next one would read as a damaged middle.
      await this.#file.truncate(this.#end).catch((cause: unknown) => (this.#broken = cause));
      throw thrown;
    }
    for (const { record, bytes: own } of batch) {
      this.#apply(record, { at: this.#end, length: own.length });
      this.#end += own.length;
    }
  }

  #apply(record: JournalRecord, place: Done["place"]): void {
    switch (record.kind) {
      case "started":
        this.#started.set(record.job, record);
        return;
      case "done": {
        const { job, id, expiresAt } = record;
        const acked = this.#done.get(job)?.acked ?? false;
        this.#started.delete(job);
        this.#done.set(job, { id, expiresAt, acked, place, frame: place ? undefined : record.frame });
        return;
      }
      case "acked": {
        const done = this.#done.get(record.job);
        if (done) done.acked = true;
        return;
      }
      case "mailbox":
        this.#mailbox = Math.max(this.#mailbox, record.number);
    }
  }

  /** Rewrites the file with what still matters. A crash in the middle leaves the old one. */
  async #compact(): Promise<void> {
    const now = this.#options.now?.();
    if (now === undefined) return;
    for (const [job, done] of this.#done)
      if (done.acked && done.expiresAt + REMEMBER_MS < now) this.#done.delete(job);
    const records = await this.#worthKeeping();
    const parts = records.map(packRecord);
    await writeAtomic(this.#path, Buffer.concat([JOURNAL_HEAD, ...parts]));
    const file = await (this.#options.openFile ?? ((path) => open(path, "r+")))(this.#path);
    await this.#file?.close();
    this.#file = file;
    this.#end = JOURNAL_HEAD.length;
    for (const [index, record] of records.entries()) {
      this.#apply(record, { at: this.#end, length: parts[index]!.length });
      this.#end += parts[index]!.length;
    }
    this.#compactAt = Math.max(this.#options.compactBytes ?? COMPACT_BYTES, this.#end * 2);
    await syncDirectory(dirname(this.#path));
  }

  async #worthKeeping(): Promise<JournalRecord[]> {
    const records: JournalRecord[] = [{ kind: "mailbox", number: this.#mailbox }, ...this.#started.values()];
    let room = (this.#options.compactBytes ?? COMPACT_BYTES) / 2;
    // The newest returns are the ones that may be asked for again, so they get the room first.
    for (const [job, done] of [...this.#done].reverse()) {
      const frame = (await this.returnOf(job))?.frame ?? new Uint8Array();
      const kept = done.acked && frame.length > room ? new Uint8Array() : frame;
      room -= kept.length;
      if (done.acked) records.push({ kind: "acked", job });
      records.push({ kind: "done", job, expiresAt: done.expiresAt, id: done.id, frame: kept });
    }
    return records.reverse();
  }

  async close(): Promise<void> {
    while (this.#writing) await this.#writing;
    await this.#file?.close();
    this.#file = undefined;
  }
}
