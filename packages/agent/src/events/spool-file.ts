/**
 * What waits to be told, on the disk. Records are added; now and then the file is written anew with what still waits.
 * A disk that is full costs nothing but the file: what could not be added is written with the next whole one.
 */
import { type FileHandle, open } from "node:fs/promises";

import { z } from "zod";

import { messageOf, readIfThere, writeAtomic } from "../files.ts";
import { JOURNAL_HEAD, packRecord, salvage } from "../journal-file.ts";
import { keptObject } from "../kept-object.ts";
import type { Log } from "../log.ts";

const SpoolEvent = keptObject({
  kind: z.literal("event"),
  /** Rises with each event: the order in which they are told. */
  number: z.int(),
  /** The message id that stays the same over every attempt. */
  id: z.string(),
  at: z.number(),
  /** There may be plenty of its kind: it has a share of its own, so that it pushes out nothing else. */
  plenty: z.boolean(),
  /** It tells what was lost so far, which is not lost unsaid any more. */
  tellsLost: z.boolean(),
  frame: z.custom<Uint8Array>((value) => value instanceof Uint8Array),
});
const SpoolRecord = z.discriminatedUnion("kind", [
  SpoolEvent,
  /** The bus has it, and everything before it. */
  keptObject({ kind: z.literal("acked"), number: z.int() }),
  keptObject({ kind: z.literal("dropped"), number: z.int() }),
  keptObject({ kind: z.literal("lost"), count: z.int(), since: z.number(), until: z.number() }),
]);
export type SpoolEvent = z.output<typeof SpoolEvent>;
export type SpoolRecord = z.output<typeof SpoolRecord>;

export interface Lost {
  readonly count: number;
  readonly since: number;
  readonly until: number;
}

export interface SpoolHeld {
  readonly events: readonly SpoolEvent[];
  readonly lost: Lost | undefined;
  readonly nextNumber: number;
  readonly damaged: boolean;
}

export interface SpoolFileOptions {
  readonly durable: boolean;
  readonly log: Log;
  readonly retryMs?: number;
  /** Tests bring disks that are full. */
  readonly openFile?: (path: string) => Promise<FileHandle>;
  readonly rewrite?: typeof writeAtomic;
}

/** Below this nothing is gained by writing the file anew. */
const COMPACT_BYTES = 1024 * 1024;
const SYNC_MS = 100;
const RETRY_MS = 10_000;

export const addLost = (one: Lost | undefined, other: Lost): Lost =>
  one
    ? {
        count: one.count + other.count,
        since: Math.min(one.since, other.since),
        until: Math.max(one.until, other.until),
      }
    : other;

export async function readSpool(path: string): Promise<SpoolHeld> {
  const held = await readIfThere(path);
  if (!held || held.length === 0) return { events: [], lost: undefined, nextNumber: 1, damaged: false };
  const { records, whole } = salvage(held);
  const read = replay(records);
  // A torn end is the last write of a process that was killed; what is behind damage proves that there was more.
  const damaged = !whole && (records.length === 0 ? held.length > JOURNAL_HEAD.length : read.gap);
  if (damaged) await writeAtomic(`${path}.damaged`, held, { durable: false }).catch(() => undefined);
  return { ...read, damaged };
}

function replay(
  records: ReturnType<typeof salvage>["records"],
): Omit<SpoolHeld, "damaged"> & { gap: boolean } {
  const waiting = new Map<number, SpoolEvent>();
  let lost: Lost | undefined;
  let last: { readonly number: number; readonly at: number } | undefined;
  let nextNumber = 1;
  let gap = false;
  let unsure = false;
  for (const { record, afterDamage } of records) {
    gap ||= afterDamage;
    unsure ||= afterDamage;
    const read = SpoolRecord.safeParse(record).data;
    if (!read) continue;
    if (read.kind === "lost") lost = addLost(lost, read);
    else nextNumber = Math.max(nextNumber, read.number + 1);
    if (read.kind === "acked")
      for (const number of waiting.keys()) if (number <= read.number) waiting.delete(number);
    if (read.kind === "dropped") {
      const { at } = waiting.get(read.number) ?? {};
      if (at !== undefined) lost = addLost(lost, { count: 1, since: at, until: at });
      waiting.delete(read.number);
    }
    if (read.kind !== "event") continue;
    const missing = last ? read.number - last.number - 1 : 1;
    if (unsure && missing > 0)
      lost = addLost(lost, { count: missing, since: last?.at ?? read.at, until: read.at });
    unsure = false;
    if (read.tellsLost) lost = undefined;
    waiting.set(read.number, read);
    last = read;
  }
  return { events: [...waiting.values()], lost, nextNumber, gap };
}

/** What is in memory: a whole new file holds that. */
export interface SpoolLive {
  isEmpty(): boolean;
  records(): readonly SpoolRecord[];
}

export class SpoolFile {
  readonly #path: string;
  readonly #options: SpoolFileOptions;
  readonly #held: SpoolLive;
  #file: FileHandle | undefined;
  #end = 0;
  #compactAt = COMPACT_BYTES;
  #queue: SpoolRecord[] = [];
  #writing: Promise<void> | undefined;
  /** The file is not what it should be, and is written anew with the next write. */
  #stale = true;
  #complained = false;
  #syncing: NodeJS.Timeout | undefined;
  #retrying: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(path: string, options: SpoolFileOptions, held: SpoolLive) {
    this.#path = path;
    this.#options = options;
    this.#held = held;
  }

  /** Written in the next turn, which is what a kill of this process leaves; on the disk a moment later. */
  append(record: SpoolRecord): void {
    if (this.#closed) return;
    this.#queue.push(record);
    this.#writing ??= this.#write();
  }

  async #write(): Promise<void> {
    await Promise.resolve();
    while (this.#queue.length > 0) {
      const batch = this.#queue.splice(0);
      try {
        await (this.#stale ? this.#rewrite() : this.#add(batch));
        if (this.#complained)
          this.#options.log.info({ path: this.#path }, "events are kept on the disk again");
        this.#complained = false;
      } catch (thrown) {
        this.#failed(thrown);
        break;
      }
    }
    this.#writing = undefined;
  }

  async #add(batch: readonly SpoolRecord[]): Promise<void> {
    const file = this.#file!;
    const bytes = Buffer.concat(batch.map(packRecord));
    for (let written = 0; written < bytes.length;)
      written += (await file.write(bytes, written, bytes.length - written, this.#end + written)).bytesWritten;
    this.#end += bytes.length;
    if (batch.some((record) => record.kind === "event" && !record.plenty)) this.#syncSoon();
    if (this.#end > (this.#held.isEmpty() ? COMPACT_BYTES / 16 : this.#compactAt)) await this.#rewrite();
  }

  #syncSoon(): void {
    if (!this.#options.durable) return;
    this.#syncing ??= setTimeout(() => {
      this.#syncing = undefined;
      this.#file?.datasync().catch((thrown: unknown) => this.#failed(thrown));
    }, SYNC_MS);
  }

  /** What waits in the queue is among what lives. */
  async #rewrite(): Promise<void> {
    this.#stale = true;
    this.#queue = [];
    const bytes = Buffer.concat([JOURNAL_HEAD, ...this.#held.records().map(packRecord)]);
    await this.#file?.close().catch(() => undefined);
    this.#file = undefined;
    const { durable, rewrite = writeAtomic, openFile = (path) => open(path, "r+") } = this.#options;
    await rewrite(this.#path, bytes, { durable });
    this.#file = await openFile(this.#path);
    this.#end = bytes.length;
    this.#compactAt = Math.max(COMPACT_BYTES, 2 * bytes.length);
    this.#stale = false;
  }

  /** Kept in memory until the disk takes it: it is looked after now and then, and with whatever comes next. */
  #failed(thrown: unknown): void {
    this.#stale = true;
    this.#queue = [];
    if (!this.#complained)
      this.#options.log.warn(
        { path: this.#path, error: messageOf(thrown) },
        "events cannot be kept on the disk; a restart now would lose what is not told yet",
      );
    this.#complained = true;
    if (this.#closed) return;
    this.#retrying ??= setTimeout(() => {
      this.#retrying = undefined;
      this.append({ kind: "acked", number: 0 });
    }, this.#options.retryMs ?? RETRY_MS).unref();
  }

  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#retrying);
    clearTimeout(this.#syncing);
    await this.#writing;
    if (this.#options.durable) await this.#file?.datasync().catch(() => undefined);
    await this.#file?.close().catch(() => undefined);
    this.#file = undefined;
  }
}
