/**
 * The audit of a master: one chain of records, on the disk before anything is
 * done that it tells of. Whoever writes waits for the disk; those who come at
 * the same time share one write and one sync.
 */
import { BomaError } from "@boma/protocol";

import type { Keyring } from "../keyring.ts";
import type { Logger } from "../log.ts";
import { ChainFile, type OpenSegment } from "./chain-file.ts";
import { headLines, HeadBook, witnessed } from "./head-book.ts";
import { type AuditRecord, type ChainEnd } from "./record.ts";
import { dropOldSegments, type Keep } from "./retention.ts";

/** Records that share one write. */
const TOGETHER_MAX = 1000;
const AGAIN_MS = 1_000;
/** Records that were done and could not be written yet; while there are any, nothing new is done. */
const OWED_MAX = 100_000;
const HEAD_EVERY = 1_000;
const HEAD_MS = 30_000;
const SEGMENT_BYTES_MAX = 64 * 1024 * 1024;
const SEGMENT_BYTES_MIN = 4 * 1024;
/** Only whole segments go, so what is kept lies in at least so many. */
const SEGMENTS_KEPT = 8;

export interface AuditOptions {
  readonly dir: string;
  readonly keyring: () => Keyring;
  readonly keep: Keep;
  readonly log: Pick<Logger, "error" | "warn" | "info">;
  /** A further file that gets every head, perhaps on another disk. */
  readonly witnessFile?: string | undefined;
  readonly segmentBytesMax?: number;
  readonly openSegment?: OpenSegment;
}

export interface AuditStatus {
  readonly chain: string;
  /** The last record on the disk. */
  readonly last: number;
  /** The last record that a signed head covers. */
  readonly signed: number;
  /** Records that wait for a disk which does not take them. */
  readonly owed: number;
  /** Why records cannot be written, when they cannot. */
  readonly trouble: string | undefined;
  /** What was signed and is not here. */
  readonly lacking: string | undefined;
}

interface Waiting {
  readonly record: AuditRecord;
  readonly written: (n: number) => void;
  /** Absent where it is owed: it stays in line until it is written. */
  readonly refused?: (error: BomaError) => void;
}

export class Audit {
  readonly dir: string;
  readonly #options: AuditOptions;
  readonly #file: ChainFile;
  readonly #heads: HeadBook;
  #owed: Waiting[] = [];
  #waiting: Waiting[] = [];
  #writing: Promise<void> | undefined;
  #trouble: string | undefined;
  #lacking: string | undefined;
  /** Where the chain ended when it was opened. */
  readonly #found: ChainEnd;
  #again: NodeJS.Timeout | undefined;
  #headTimer: NodeJS.Timeout | undefined;
  #dropped: ((until: number) => void) | undefined;
  readonly #listeners = new Set<() => void>();

  private constructor(options: AuditOptions, file: ChainFile, heads: HeadBook) {
    this.dir = options.dir;
    this.#options = options;
    this.#file = file;
    this.#found = file.end;
    this.#heads = heads;
  }

  static async open(options: AuditOptions): Promise<Audit> {
    const { dir, keyring, keep, openSegment, witnessFile } = options;
    const share = Math.max(SEGMENT_BYTES_MIN, keep.bytes / SEGMENTS_KEPT);
    const { segmentBytesMax = Math.min(SEGMENT_BYTES_MAX, share) } = options;
    const { root } = keyring();
    const { file, cut } = await ChainFile.open({
      dir,
      root,
      segmentBytesMax,
      segmentMsMax: keep.ms / SEGMENTS_KEPT,
      ...(openSegment && { openSegment }),
    });
    const heads = await HeadBook.open({ dir, root, chain: file.chain, witnessFile });
    const audit = new Audit(options, file, heads);
    await audit.compare(heads.last?.n, "its signed heads");
    if (witnessFile !== undefined)
      await audit.compare(witnessed(await headLines(witnessFile), { root, chain: file.chain }), witnessFile);
    // Nobody was told of what was cut, but that something was is told.
    if (cut > 0) void audit.later({ kind: "recovered", bytes: cut });
    return audit;
  }

  get status(): AuditStatus {
    return {
      chain: this.#file.chain,
      last: this.#file.end.n,
      signed: this.#heads.last?.n ?? 0,
      owed: this.#owed.length,
      trouble: this.#trouble ?? this.#heads.trouble,
      lacking: this.#lacking,
    };
  }

  /** What a head or a witness says was signed must be here; a master that lacks it works on, and says so for as long as it runs. */
  async compare(signed: number | undefined, where: string): Promise<void> {
    const { n: found } = this.#found;
    if (signed === undefined || signed <= found || this.#lacking !== undefined) return;
    this.#lacking = `records up to ${signed} were signed (${where}), and the disk ends with ${found}: the audit was cut, or put back from a copy`;
    this.#options.log.error({ signed, found, where }, this.#lacking);
    await this.later({ kind: "recovered", signed, found });
  }

  get heads(): Pick<HeadBook, "listen"> {
    return this.#heads;
  }

  /** Calls with the last record that went with old segments. */
  whenDropped(dropped: (until: number) => void): void {
    this.#dropped = dropped;
  }

  /** Calls when there are further records, or when they cannot be written any more. */
  listen(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Resolves with the record's number when it is on the disk. What cannot be recorded must not be done: it throws. */
  write(record: AuditRecord): Promise<number> {
    return new Promise((written, refused) => {
      // What was done before and is still owed goes first; behind it nothing new is done.
      if (this.#owed.length > 0) return refused(unwritable(this.#trouble ?? "earlier records wait for it"));
      this.#waiting.push({ record, written, refused });
      this.#write();
    });
  }

  /** For what has happened already: resolves when it is on the disk, or when it is owed and will be. */
  later(record: AuditRecord): Promise<void> {
    return new Promise((resolve) => {
      const owe = () => {
        resolve();
        if (this.#owed.length >= OWED_MAX)
          return this.#options.log.error(
            { record },
            "a record of the audit was lost: too many wait for the disk",
          );
        this.#owed.push({ record, written: () => undefined });
        this.#retry();
      };
      if (this.#owed.length > 0) return owe();
      this.#waiting.push({ record, written: () => resolve(), refused: owe });
      this.#write();
    });
  }

  #write(): void {
    this.#writing ??= this.#writeAll().finally(() => {
      this.#writing = undefined;
      if (this.#waiting.length > 0) this.#write();
    });
  }

  async #writeAll(): Promise<void> {
    // Those who ask in the same moment go together.
    await Promise.resolve();
    while (this.#owed.length > 0 || this.#waiting.length > 0) {
      const from = this.#owed.length > 0 ? this.#owed : this.#waiting;
      const together = from.splice(0, TOGETHER_MAX);
      try {
        await this.#append(together);
      } catch (error) {
        if (from === this.#owed) {
          this.#owed.unshift(...together);
          this.#refuse(this.#waiting.splice(0), error);
        } else this.#refuse(together, error);
        return;
      }
    }
  }

  async #append(together: readonly Waiting[]): Promise<void> {
    const before = this.#file.needsSegment;
    // The end of a segment is signed, so that the ones before it may go one day.
    if (before && this.#file.end.n > 0) await this.head();
    const lines = await this.#file.append(together.map(({ record }) => record));
    this.#recovered();
    const first = this.#file.end.n - lines.length + 1;
    together.forEach(({ written }, at) => written(first + at));
    this.#headSoon();
    for (const listener of this.#listeners) listener();
    if (before) await this.#dropOld();
  }

  #refuse(waiting: readonly Waiting[], error: unknown): void {
    const why = error instanceof Error ? error.message : String(error);
    if (this.#trouble === undefined) {
      this.#trouble = why;
      this.#options.log.error(
        { error: why },
        "the audit cannot be written: this master does nothing until it can",
      );
      for (const listener of this.#listeners) listener();
    }
    for (const { refused } of waiting) refused?.(unwritable(why));
    this.#retry();
  }

  #recovered(): void {
    if (this.#trouble === undefined) return;
    this.#trouble = undefined;
    this.#options.log.info({}, "the audit can be written again");
  }

  #retry(): void {
    if (this.#owed.length === 0 || this.#again) return;
    this.#again = setTimeout(() => {
      this.#again = undefined;
      this.#write();
      this.#retry();
    }, AGAIN_MS).unref();
  }

  #headSoon(): void {
    if (this.#file.end.n - (this.#heads.last?.n ?? 0) >= HEAD_EVERY) return void this.head();
    this.#headTimer ??= setTimeout(() => void this.head(), HEAD_MS).unref();
  }

  /** Signs what there is now. */
  async head(): Promise<void> {
    clearTimeout(this.#headTimer);
    this.#headTimer = undefined;
    const end: ChainEnd = this.#file.end;
    if (end.n === 0) return;
    try {
      await this.#heads.sign(this.#options.keyring(), end);
    } catch (error) {
      this.#options.log.error({ error: String(error) }, "a head of the audit could not be written");
      this.#headTimer ??= setTimeout(() => void this.head(), HEAD_MS).unref();
    }
  }

  async #dropOld(): Promise<void> {
    const { dir, keep, log } = this.#options;
    try {
      const until = await dropOldSegments(dir, keep, {
        signed: this.#heads.last?.n ?? 0,
        record: async (record) => void (await this.#file.append([record])),
      });
      if (until === undefined) return;
      this.#dropped?.(until);
      // That they went is a record as well, which the copy would have to wait for until there is another one.
      for (const listener of this.#listeners) listener();
    } catch (error) {
      log.error({ error: String(error) }, "old segments of the audit could not be dropped");
    }
  }

  /** Waits for what is being written, and signs the end. */
  async close(): Promise<void> {
    while (this.#writing) await this.#writing;
    await this.head();
    clearTimeout(this.#again);
    clearTimeout(this.#headTimer);
    await this.#file.close();
  }
}

const unwritable = (why: string): BomaError =>
  new BomaError("audit/unwritable", `the master cannot write its audit, so it does nothing: ${why}`);
