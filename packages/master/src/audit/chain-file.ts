/**
 * The chain on the disk: lines are appended to the last segment and synced
 * before anybody hears that they are there. Whatever a failed write left behind
 * is cut off again before the next one, for nobody was told of it.
 */
import { mkdir, open, stat, truncate, unlink } from "node:fs/promises";
import { join } from "node:path";

import { newSession } from "@boma/protocol";

import { type AuditRecord, CHAIN_START, type ChainEnd, hashOf, lineAfter, readLine } from "./record.ts";
import { linesOf, segmentName, segmentsIn } from "./segments.ts";

const NEWLINE = Buffer.from("\n");

/** What is used of a file; tests have one that fails. */
export interface SegmentFile {
  write(
    bytes: Uint8Array,
    offset: number,
    length: number,
    position: number,
  ): Promise<{ bytesWritten: number }>;
  datasync(): Promise<void>;
  truncate(length: number): Promise<void>;
  close(): Promise<void>;
}
export type OpenSegment = (path: string) => Promise<SegmentFile>;

export interface ChainOptions {
  readonly dir: string;
  readonly root: Uint8Array;
  readonly segmentBytesMax: number;
  /** How long records go into one segment. */
  readonly segmentMsMax: number;
  readonly openSegment?: OpenSegment;
  readonly now?: () => Date;
}

/** For appending, and made where it is missing; not `a`, which would ignore where to write. */
const openOnDisk: OpenSegment = async (path) => open(path, (await exists(path)) ? "r+" : "wx+", 0o600);

const exists = (path: string): Promise<boolean> =>
  stat(path).then(
    () => true,
    () => false,
  );

export class ChainFile {
  readonly #options: Required<ChainOptions>;
  chain: string;
  end: ChainEnd;
  /** The number of the last segment; 0 before there is one. */
  #segment: number;
  #bytes: number;
  /** When the last segment was begun. */
  #begunAt: number;
  #file: SegmentFile | undefined;
  #dirty = false;

  private constructor(options: Required<ChainOptions>, found: Found) {
    this.#options = options;
    this.chain = found.chain ?? newSession();
    this.end = found.end;
    this.#segment = found.segment;
    this.#bytes = found.bytes;
    this.#begunAt = found.begunAt;
  }

  /** Finds the end of the chain; a line that a crash cut short goes, and how many bytes that were is said. */
  static async open(options: ChainOptions): Promise<{ file: ChainFile; cut: number }> {
    await mkdir(options.dir, { recursive: true, mode: 0o700 });
    const found = await findEnd(options.dir);
    const { openSegment = openOnDisk, now = () => new Date() } = options;
    return { file: new ChainFile({ ...options, openSegment, now }, found), cut: found.cut };
  }

  /** Full, too old, or not there yet: the next records go into a new one. */
  get needsSegment(): boolean {
    const { segmentBytesMax, segmentMsMax, now } = this.#options;
    if (this.#segment === 0 || this.#bytes >= segmentBytesMax) return true;
    return now().getTime() - this.#begunAt > segmentMsMax;
  }

  /** All of them are on the disk, or none is and it throws. */
  async append(records: readonly AuditRecord[]): Promise<Buffer[]> {
    const opens = this.needsSegment;
    const { chain } = this;
    const root = Buffer.from(this.#options.root).toString("base64");
    const all = opens ? [{ kind: "segment" as const, chain, root }, ...records] : records;
    let { end } = this;
    const lines = all.map((record) => {
      const line = lineAfter(end, record, this.#options.now());
      end = { n: end.n + 1, hash: hashOf(line) };
      return line;
    });
    const bytes = Buffer.concat(lines.flatMap((line) => [line, NEWLINE]));
    if (opens) await this.#close();
    await this.#write(opens ? this.#segment + 1 : this.#segment, opens ? 0 : this.#bytes, bytes);
    if (opens) [this.#segment, this.#begunAt] = [this.#segment + 1, this.#options.now().getTime()];
    this.#bytes = (opens ? 0 : this.#bytes) + bytes.length;
    this.end = end;
    return opens ? lines.slice(1) : lines;
  }

  async #write(segment: number, at: number, bytes: Buffer): Promise<void> {
    const { dir, openSegment } = this.#options;
    try {
      const file = (this.#file ??= await openSegment(join(dir, segmentName(segment))));
      if (this.#dirty || at === 0) await file.truncate(at);
      this.#dirty = true;
      for (let done = 0; done < bytes.length;)
        done += (await file.write(bytes, done, bytes.length - done, at + done)).bytesWritten;
      await file.datasync();
      if (at === 0) await syncDirectory(dir);
      this.#dirty = false;
    } catch (error) {
      // After a failed sync the system may believe that pages are written which are not: begin again with a new handle.
      await this.#takeBack(at);
      throw error;
    }
  }

  async #takeBack(at: number): Promise<void> {
    await this.#file?.truncate(at).catch(() => undefined);
    await this.#close();
    this.#dirty = true;
  }

  async #close(): Promise<void> {
    const file = this.#file;
    this.#file = undefined;
    await file?.close().catch(() => undefined);
  }

  close(): Promise<void> {
    return this.#close();
  }
}

interface Found {
  readonly chain: string | undefined;
  readonly end: ChainEnd;
  readonly segment: number;
  readonly bytes: number;
  readonly begunAt: number;
  readonly cut: number;
}

async function findEnd(dir: string, cutBefore = 0): Promise<Found> {
  const last = segmentsIn(dir).at(-1);
  if (last === undefined)
    return { chain: undefined, end: CHAIN_START, segment: 0, bytes: 0, begunAt: 0, cut: cutBefore };
  const path = join(dir, last);
  const { chain, end, bytes, begunAt } = await lastIn(path);
  const { size } = await stat(path);
  const cut = cutBefore + size - bytes;
  if (bytes > 0) {
    if (size > bytes) await truncate(path, bytes);
    return { chain, end, segment: Number.parseInt(last, 10), bytes, begunAt, cut };
  }
  // The crash came when this one was begun: it is begun again.
  await unlink(path);
  return findEnd(dir, cut);
}

/** What cannot be read in the middle is for `audit verify` to name; the chain goes on behind it. */
async function lastIn(path: string): Promise<Pick<Found, "chain" | "end" | "bytes" | "begunAt">> {
  let chain: string | undefined;
  let end = CHAIN_START;
  let bytes = 0;
  let begunAt: number | undefined;
  for await (const { bytes: line, whole } of linesOf(path)) {
    if (!whole) break;
    bytes += line.length + 1;
    const entry = readLine(line);
    begunAt ??= Date.parse(entry?.at ?? "") || undefined;
    if (entry) end = { n: entry.n, hash: hashOf(line) };
    if (entry?.kind === "segment") chain = String(entry["chain"]);
  }
  return { chain, end, bytes, begunAt: begunAt ?? 0 };
}

async function syncDirectory(dir: string): Promise<void> {
  const handle = await open(dir, "r");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
