/** The signed heads: beside the segments, in a further file if there is one, and with whoever listens. */
import { appendFile, open, readFile, truncate } from "node:fs/promises";

import type { Keyring } from "../keyring.ts";
import { readHead, signHead } from "./heads.ts";
import type { ChainEnd } from "./record.ts";
import { headsFile, linesOf } from "./segments.ts";

interface Options {
  readonly dir: string;
  readonly root: Uint8Array;
  readonly chain: string;
  readonly witnessFile: string | undefined;
}

export interface SignedHead extends ChainEnd {
  readonly line: string;
}

export class HeadBook {
  last: SignedHead | undefined;
  /** Why the further file does not take them. */
  trouble: string | undefined;
  readonly #options: Options;
  readonly #listeners = new Set<(head: SignedHead) => void>();
  #turn: Promise<unknown> = Promise.resolve();

  private constructor(options: Options, last: SignedHead | undefined) {
    this.#options = options;
    this.last = last;
  }

  static async open(options: Options): Promise<HeadBook> {
    const path = headsFile(options.dir);
    await cutShortEnd(path);
    let last: SignedHead | undefined;
    for (const line of await headLines(path))
      try {
        const { n, hash, chain } = readHead(line, options.root);
        if (chain === options.chain) last = { n, hash, line };
      } catch {
        // Which ones are not true is for `audit verify` to say.
      }
    return new HeadBook(options, last);
  }

  listen(listener: (head: SignedHead) => void): void {
    this.#listeners.add(listener);
    if (this.last) listener(this.last);
  }

  sign(keyring: Keyring, end: ChainEnd): Promise<void> {
    const mine = this.#turn.catch(() => undefined).then(() => this.#sign(keyring, end));
    this.#turn = mine;
    return mine;
  }

  async #sign(keyring: Keyring, end: ChainEnd): Promise<void> {
    if (this.last && this.last.n >= end.n) return;
    const { dir, chain, witnessFile } = this.#options;
    const line = signHead(keyring, chain, end);
    await appendSynced(headsFile(dir), line);
    this.last = { ...end, line };
    for (const listener of this.#listeners) listener(this.last);
    if (witnessFile === undefined) return;
    try {
      await appendSynced(witnessFile, line);
      this.trouble = undefined;
    } catch (error) {
      this.trouble = `the witness ${witnessFile} cannot be written: ${String(error)}`;
      throw error;
    }
  }
}

/** The last record of a chain, or of any, that these heads cover. Which of them are not true is for `audit verify` to say. */
export function witnessed(
  lines: readonly string[],
  { root, chain }: { readonly root: Uint8Array; readonly chain?: string },
): number | undefined {
  const covered = lines.flatMap((line) => {
    try {
      const head = readHead(line, root);
      return (chain ?? head.chain) === head.chain ? [head.n] : [];
    } catch {
      return [];
    }
  });
  return covered.length > 0 ? covered.reduce((a, b) => Math.max(a, b)) : undefined;
}

export async function appendSynced(path: string, line: string): Promise<void> {
  await cutShortEnd(path);
  await appendFile(path, `${line}\n`, { mode: 0o600, flush: true });
}

/** The lines of a file of heads; none where there is no file. */
export async function headLines(path: string): Promise<string[]> {
  try {
    return (await readFile(path, "utf8")).split("\n").filter((line) => line !== "");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
    throw error;
  }
}

/** A crash or a full disk may leave half a line, which nobody was told of. */
export async function cutShortEnd(path: string): Promise<void> {
  const file = await open(path, "r").catch(() => undefined);
  if (!file) return;
  try {
    const { size } = await file.stat();
    if (size === 0) return;
    const { buffer } = await file.read(Buffer.alloc(1), 0, 1, size - 1);
    if (buffer[0] === 0x0a) return;
  } finally {
    await file.close();
  }
  let whole = 0;
  for await (const line of linesOf(path)) if (line.whole) whole = line.offset + line.bytes.length + 1;
  await truncate(path, whole);
}
