/**
 * Is the audit what was written? Every line is hashed as it lies there; each
 * record must carry on the one before it, every signed head must fit the record
 * that it names, and a node's result must be what that node signed.
 */
import { join } from "node:path";

import { asBomaError } from "@boma/protocol";

import { headLines } from "./head-book.ts";
import { type Head, readHead } from "./heads.ts";
import { JobSets } from "./job-sets.ts";
import { type AuditEntry, type ChainEnd, hashOf, readLine } from "./record.ts";
import { ResultCheck } from "./result-check.ts";
import { headsFile, linesOf, segmentsIn } from "./segments.ts";

export interface Fault {
  /** The record, where one can be named. */
  readonly record?: number;
  readonly file: string;
  readonly line?: number;
  readonly what: string;
}

export interface Verified {
  readonly ok: boolean;
  readonly chain: string | undefined;
  readonly records: number;
  /** The first record that is still there; those before it were let go of, and are proved by what follows. */
  readonly first: number;
  readonly last: number;
  /** The last record that a head covers; what comes after could be cut off without a trace. */
  readonly signed: number;
  readonly heads: number;
  readonly results: number;
  readonly faults: readonly Fault[];
}

/** Lines of signed heads, and where they are from. */
export interface Witness {
  readonly file: string;
  readonly lines: readonly string[];
}

interface Numbered extends Head {
  readonly file: string;
  readonly line: number;
}

/** After so many there is no more to learn. */
const FAULTS_MAX = 50;

/** The hashes of records by their numbers, as another copy of the chain has them. */
export type Copies = ReadonlyMap<number, string>;

class Verification {
  /** In the order of the lines that they are about, which is not the order in which they are found. */
  readonly #faults: { readonly order: number; readonly fault: Fault }[] = [];
  readonly #root: Uint8Array;
  readonly #heads = new Map<number, Numbered[]>();
  readonly #results = new ResultCheck();
  readonly #jobs = new JobSets();
  readonly #copies: Copies | undefined;
  #headCount = 0;
  #chain: string | undefined;
  #end: ChainEnd | undefined;
  #first = 0;
  #firstPrev = "";
  #followsAnother = false;
  #records = 0;
  #signed = 0;
  #dropped: { readonly until: number; readonly hash: unknown } | undefined;

  constructor(root: Uint8Array, copies?: Copies) {
    this.#root = root;
    this.#copies = copies;
  }

  /** The last record that was looked at. */
  get last(): number {
    return this.#end?.n ?? 0;
  }

  /** Whether the signatures that are being verified should be waited for first. */
  get isFull(): boolean {
    return this.#results.signatures.isFull;
  }

  room(): Promise<void> {
    return this.#results.signatures.room();
  }

  #fault(fault: Fault, order = this.#records): void {
    if (this.#faults.length < FAULTS_MAX) this.#faults.push({ order, fault });
  }

  heads({ file, lines }: Witness): void {
    let serial = 0;
    let before = 0;
    for (const [at, text] of lines.entries()) {
      const line = at + 1;
      try {
        const head = readHead(text, this.#root);
        if (head.serial < serial)
          this.#fault({ file, line, record: head.n, what: "a head that a retired working key signed" });
        if (head.n < before)
          this.#fault({ file, line, record: head.n, what: "a head that goes back behind the one before it" });
        [serial, before] = [Math.max(serial, head.serial), head.n];
        this.#headCount += 1;
        this.#heads.set(head.n, [...(this.#heads.get(head.n) ?? []), { ...head, file, line }]);
      } catch (thrown) {
        this.#fault({ file, line, what: `a head that does not hold: ${asBomaError(thrown).message}` });
      }
    }
  }

  /** One line of the chain, in the order of the files. */
  line(
    bytes: Uint8Array,
    at: { readonly file: string; readonly line: number; readonly whole: boolean },
  ): void {
    const { file, line, whole } = at;
    const entry = readLine(bytes);
    if (!whole) this.#fault({ file, line, ...(entry && { record: entry.n }), what: "the line is cut short" });
    if (!entry) {
      const record = (this.#end?.n ?? 0) + 1;
      this.#fault({ file, line, record, what: `record ${record} should be here, and this is no record` });
      return;
    }
    this.#follows(entry, { file, line });
    const hash = hashOf(bytes);
    this.#end = { n: entry.n, hash };
    this.#records += 1;
    // A segment's record names the chain, and may be the one that was signed.
    this.#means(entry, { file, line });
    this.#headsAt(entry.n, hash, { file, line });
    this.#copyAt(entry.n, hash, { file, line });
  }

  #follows({ n, prev, kind }: AuditEntry, { file, line }: { file: string; line: number }): void {
    if (!this.#end) {
      [this.#first, this.#firstPrev] = [n, prev];
      if (kind !== "segment")
        this.#fault({ file, line, record: n, what: "the file does not begin as a segment" });
      if (n === 1 && !/^0{64}$/.test(prev))
        this.#fault({ file, line, record: n, what: "the first record of the chain carries something on" });
      return;
    }
    const wanted = this.#end.n + 1;
    if (n > wanted) {
      const missing = n - 1 === wanted ? `record ${wanted} is` : `records ${wanted} to ${n - 1} are`;
      this.#fault({ file, line, record: wanted, what: `${missing} missing before this one` });
    } else if (n < wanted)
      this.#fault({
        file,
        line,
        record: n,
        what: `record ${n} stands behind record ${wanted - 1}: put in, or moved`,
      });
    else if (prev !== this.#end.hash)
      this.#fault({
        file,
        line,
        record: n - 1,
        what: `record ${n - 1} is not the one that record ${n} carries on: one of them was changed`,
      });
  }

  #headsAt(n: number, hash: string, { file, line }: { file: string; line: number }): void {
    for (const head of this.#heads.get(n) ?? []) {
      if (head.hash === hash && head.chain === this.#chain) this.#signed = Math.max(this.#signed, n);
      else if (head.hash !== hash)
        this.#fault({
          file,
          line,
          record: n,
          what: `record ${n} is not the one that was signed (${head.file}:${head.line}): it, or one before it, was changed`,
        });
    }
  }

  #copyAt(n: number, hash: string, { file, line }: { file: string; line: number }): void {
    const copy = this.#copies?.get(n);
    if (copy !== undefined && copy !== hash)
      this.#fault({ file, line, record: n, what: `record ${n} differs from its copy in the stream` });
  }

  #means(entry: AuditEntry, { file, line }: { file: string; line: number }): void {
    const { n, kind } = entry;
    if (kind === "segment") this.#segment(entry, { file, line });
    if (kind === "retention") this.#dropped = { until: Number(entry["until"]), hash: entry["hash"] };
    const order = this.#records;
    const wrong = (what: string) => this.#fault({ file, line, record: n, what }, order);
    this.#results.look(entry, wrong);
    // What a master before this one had begun stands in that one's chain.
    if (kind === "leads") this.#followsAnother = true;
    const foreign = this.#jobs.look(entry, this.#first === 1 && !this.#followsAnother);
    if (foreign !== undefined) wrong(foreign);
  }

  #segment(entry: AuditEntry, { file, line }: { file: string; line: number }): void {
    const chain = String(entry["chain"]);
    const { n } = entry;
    if (entry["root"] !== Buffer.from(this.#root).toString("base64"))
      this.#fault({ file, line, record: n, what: "the segment is of a master with another root key" });
    if (this.#chain !== undefined && chain !== this.#chain)
      this.#fault({ file, line, record: n, what: "the segment is of another chain" });
    this.#chain ??= chain;
  }

  /** What only the whole can tell: what is missing at both ends. */
  async finish(where: string): Promise<Verified> {
    await this.#results.signatures.settled();
    const last = this.#end?.n ?? 0;
    this.#missingBefore(where);
    this.#missingBehind(where, last);
    const faults = this.#faults.sort((a, b) => a.order - b.order).map(({ fault }) => fault);
    return {
      ok: faults.length === 0,
      chain: this.#chain,
      records: this.#records,
      first: this.#first,
      last,
      signed: this.#signed,
      heads: this.#headCount,
      results: this.#results.checked,
      faults,
    };
  }

  #missingBehind(where: string, last: number): void {
    for (const heads of this.#heads.values())
      for (const { n, chain, file, line } of heads) {
        if (this.#chain !== undefined && chain !== this.#chain)
          this.#fault({
            file,
            line,
            record: n,
            what: "a head of another chain: this one was put in its place",
          });
        else if (n > last)
          this.#fault({
            file,
            line,
            record: last + 1,
            what: `records ${last + 1} to ${n} were signed and are not there: the end was cut off`,
          });
      }
    for (const n of this.#copies?.keys() ?? [])
      if (n > last) {
        const what = `record ${n} is in the stream and not on the disk: the end was cut off`;
        this.#fault({ file: where, record: last + 1, what });
        break;
      }
  }

  #missingBefore(file: string): void {
    const until = this.#first - 1;
    if (until < 1) return;
    const dropped = this.#dropped;
    const proved =
      dropped !== undefined &&
      (dropped.until > until || (dropped.until === until && dropped.hash === this.#firstPrev));
    if (proved) return;
    const what = `records 1 to ${until} are missing, and nothing says that they were let go of`;
    this.#fault({ file, record: 1, what });
  }
}

/** The chain below a directory, with its own heads and those that witnesses have. */
export async function verifyDirectory(
  dir: string,
  options: {
    readonly root: Uint8Array;
    readonly witnesses?: readonly Witness[];
    readonly copies?: Copies;
    readonly until?: number | undefined;
  },
): Promise<Verified> {
  const verification = new Verification(options.root, options.copies);
  const own = headsFile(dir);
  for (const witness of [{ file: own, lines: await headLines(own) }, ...(options.witnesses ?? [])])
    verification.heads(witness);
  for (const name of segmentsIn(dir)) {
    const file = join(dir, name);
    for await (const { bytes, line, whole } of linesOf(file)) {
      verification.line(bytes, { file, line, whole });
      if (verification.isFull) await verification.room();
      if (options.until !== undefined && verification.last >= options.until) return verification.finish(dir);
    }
  }
  return verification.finish(dir);
}
