/**
 * A witness on another host: it takes each signed head only when the records
 * lead from the one that it has to the new one. Whoever rewrites the master's
 * audit afterwards cannot rewrite this file.
 */
import { BomaError } from "@boma/protocol";

import { appendSynced, headLines } from "./head-book.ts";
import { type Head, readHead } from "./heads.ts";
import { type ChainEnd, hashOf, readLine } from "./record.ts";

export interface WitnessSource {
  readonly root: Uint8Array;
  heads(): Promise<readonly string[]>;
  /** Records behind this one, oldest first. */
  lines(after: number): AsyncIterable<string>;
}

export class WitnessFile {
  readonly #path: string;
  readonly #root: Uint8Array;
  last: Head | undefined;

  private constructor(path: string, root: Uint8Array, last: Head | undefined) {
    this.#path = path;
    this.#root = root;
    this.last = last;
  }

  static async open(path: string, root: Uint8Array): Promise<WitnessFile> {
    const line = (await headLines(path)).at(-1);
    return new WitnessFile(path, root, line === undefined ? undefined : readHead(line, root));
  }

  /** Takes what has come since; throws where it does not continue what is here. Returns how many heads that were. */
  async take(source: WitnessSource): Promise<number> {
    const heads = await this.#newHeads(source);
    if (heads.length === 0) return 0;
    let end: ChainEnd | undefined = this.last;
    let [next] = heads;
    let taken = 0;
    for await (const text of source.lines(this.last?.n ?? 0)) {
      end = follow(end, text);
      if (end.n !== next!.head.n) continue;
      if (end.hash !== next!.head.hash) throw broken(end.n, `record ${end.n} is not the one that was signed`);
      await appendSynced(this.#path, next!.line);
      this.last = next!.head;
      taken += 1;
      next = heads[taken];
      if (!next) return taken;
    }
    throw broken(next!.head.n, `record ${next!.head.n} was signed, and the master does not have it`);
  }

  async #newHeads(source: WitnessSource): Promise<{ head: Head; line: string }[]> {
    const known = this.last;
    const heads = (await source.heads()).map((line) => ({ head: readHead(line, this.#root), line }));
    const other = heads.find(({ head }) => known && head.chain !== known.chain);
    if (known && other)
      throw broken(other.head.n, "the master has another chain than the one that is witnessed here");
    if (known && (heads.at(-1)?.head.n ?? 0) < known.n)
      throw broken(known.n, `the master's heads end before record ${known.n}, which is witnessed here`);
    const same = heads.find(({ head }) => head.n === known?.n);
    if (known && same && same.head.hash !== known.hash)
      throw broken(
        known.n,
        `the master signed another record ${known.n} than the one that is witnessed here`,
      );
    return heads.filter(({ head }) => head.n > (known?.n ?? 0));
  }
}

function follow(end: ChainEnd | undefined, text: string): ChainEnd {
  const bytes = Buffer.from(text);
  const entry = readLine(bytes);
  if (!entry) throw broken((end?.n ?? 0) + 1, "a line of the audit is no record");
  if (end && (entry.n !== end.n + 1 || entry.prev !== end.hash))
    throw broken(end.n + 1, `record ${entry.n} does not carry on record ${end.n}, which is witnessed here`);
  return { n: entry.n, hash: hashOf(bytes) };
}

const broken = (record: number, why: string): BomaError =>
  new BomaError("audit/broken", `at record ${record}: ${why}`);
