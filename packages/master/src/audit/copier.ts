/**
 * The copy of the audit in a stream of the bus: every record as it is, from the
 * last one that is there on. It reads from the disk, so it never has more in
 * hand than it can drop; when the stream refuses, it says so and goes on when it
 * takes again. The heads go to the witness stream, which nobody can purge.
 */
import { BomaError, pack, subjects, unpack } from "@boma/protocol";

import type { Logger } from "../log.ts";
import { hide, reveal } from "../secret-box.ts";
import { type Store, type Stored, STREAM } from "../store/store.ts";
import { type AuditLine, auditLines } from "./audit-lines.ts";
import type { Audit } from "./audit.ts";
import type { SignedHead } from "./head-book.ts";
import { type AuditEntry, readLine } from "./record.ts";

const AGAIN_MS = 2_000;

interface Parts {
  readonly store: Store;
  readonly audit: Audit;
  readonly log: Pick<Logger, "error" | "info">;
  /** Says loudly that the copy stands still. */
  readonly alarm: (message: string) => void;
}

export interface CopyStatus {
  /** The last record that the stream has. */
  readonly copied: number;
  /** Why it takes no more, when it does not. */
  readonly trouble: string | undefined;
}

export interface Copied {
  /** Of the message that it came in. */
  readonly sequence: number;
  readonly chain: string;
  readonly n: number;
  readonly line: Uint8Array;
}

export class AuditCopier {
  readonly #parts: Parts;
  #copied = 0;
  #sequence = 0;
  #trouble: string | undefined;
  #running: Promise<void> | undefined;
  #stopped = false;
  #wake: (() => void) | undefined;

  private constructor(parts: Parts) {
    this.#parts = parts;
  }

  static async start(parts: Parts): Promise<AuditCopier> {
    const copier = new AuditCopier(parts);
    await copier.#findPlace();
    parts.audit.heads.listen((head) => void copier.#witness(head));
    parts.audit.listen(() => copier.#start());
    parts.audit.whenDropped((until) => {
      copier.#dropUpTo(until).catch((error: unknown) => copier.#failed(error));
    });
    copier.#start();
    return copier;
  }

  get status(): CopyStatus {
    return { copied: this.#copied, trouble: this.#trouble };
  }

  async #findPlace(): Promise<void> {
    const { store, audit } = this.#parts;
    const last = await store.last(STREAM.audit, subjects.audit(audit.status.chain));
    this.#sequence = last?.sequence ?? 0;
    this.#copied = last ? readCopy(last, store.key).at(-1)!.n : 0;
  }

  #start(): void {
    this.#wake?.();
    if (this.#stopped) return;
    this.#running ??= this.#copyAll().finally(() => {
      this.#running = undefined;
      if (!this.#stopped && this.#trouble === undefined && this.#copied < this.#parts.audit.status.last)
        this.#start();
    });
  }

  async #copyAll(): Promise<void> {
    while (!this.#stopped && this.#copied < this.#parts.audit.status.last)
      try {
        await this.#copyRest();
        this.#recovered();
      } catch (error) {
        this.#failed(error);
        await this.#rest();
        await this.#findPlace().catch(() => undefined);
      }
  }

  async #copyRest(): Promise<void> {
    const { store, audit } = this.#parts;
    const { chain, last } = audit.status;
    const subject = subjects.audit(chain);
    for await (const lines of together(auditLines(audit.dir, { after: this.#copied }), last)) {
      if (this.#stopped) return;
      const data = hide(pack(copyOf(chain, lines)), store.key, subject);
      this.#sequence = await store.put(subject, data, { after: this.#sequence });
      this.#copied = lines.at(-1)!.entry.n;
    }
  }

  #failed(error: unknown): void {
    const why = error instanceof Error ? error.message : String(error);
    if (this.#trouble === undefined) {
      this.#parts.log.error({ error: why, copied: this.#copied }, "the audit cannot be copied to the bus");
      this.#parts.alarm(`the audit cannot be copied to the bus: ${why}`);
    }
    this.#trouble = why;
  }

  #recovered(): void {
    if (this.#trouble !== undefined)
      this.#parts.log.info({ copied: this.#copied }, "the audit is copied to the bus again");
    this.#trouble = undefined;
  }

  #rest(): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, AGAIN_MS);
      timer.unref();
      // Only the end of the master cuts a rest short: a stream that refuses is not asked at each record.
      this.#wake = () => {
        if (!this.#stopped) return;
        clearTimeout(timer);
        resolve();
      };
    });
  }

  async #witness({ line }: SignedHead): Promise<void> {
    const { store, audit } = this.#parts;
    try {
      await store.put(subjects.witness(audit.status.chain), Buffer.from(line));
    } catch (error) {
      this.#failed(error);
    }
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#wake?.();
    await this.#running;
  }

  /** Of masters that led before this one. */
  async otherChains(): Promise<string[]> {
    const { store, audit } = this.#parts;
    const held = await store.subjects(STREAM.audit, subjects.audit("*"));
    const chains = held.map((subject) => subject.slice(subjects.audit("").length));
    return chains.filter((chain) => chain !== audit.status.chain);
  }

  /** Every record that the stream has, oldest first: of all masters, or of one. */
  async *copies({
    chain = "*",
    ...from
  }: { chain?: string; since?: Date; sequence?: number } = {}): AsyncGenerator<
    Copied | { readonly sequence: number; readonly fault: string }
  > {
    const { store } = this.#parts;
    for await (const stored of store.replay(STREAM.audit, subjects.audit(chain), from))
      try {
        yield* readCopy(stored, store.key);
      } catch (error) {
        yield {
          sequence: stored.sequence,
          fault: error instanceof BomaError ? error.message : String(error),
        };
      }
  }

  /** What other masters recorded from a moment on, as far as they had copied it. */
  async *ofOthers(since: Date): AsyncGenerator<AuditEntry> {
    const { chain } = this.#parts.audit.status;
    for await (const copy of this.copies({ since })) {
      const entry = "fault" in copy || copy.chain === chain ? undefined : readLine(copy.line);
      if (entry) yield entry;
    }
  }

  /** Every head that the witness stream has. */
  async *heads(): AsyncGenerator<string> {
    for await (const { data } of this.#parts.store.replay(STREAM.witness, subjects.witness("*")))
      yield Buffer.from(data).toString("utf8");
  }

  /** What the disk has let go of, the copy need not keep. */
  async #dropUpTo(until: number): Promise<void> {
    const { store, audit } = this.#parts;
    const subject = subjects.audit(audit.status.chain);
    const { state } = await store.api.streams.info(STREAM.audit);
    let [low, high] = [state.first_seq, state.last_seq];
    while (low < high) {
      const middle = Math.floor((low + high) / 2);
      const next = { seq: middle, next_by_subj: subject };
      const found = await store.api.streams.getMessage(STREAM.audit, next);
      if (found && readCopy({ subject, data: found.data, sequence: found.seq }, store.key).at(-1)!.n > until)
        high = middle;
      else low = middle + 1;
    }
    if (low > state.first_seq) await store.api.streams.purge(STREAM.audit, { filter: subject, seq: low });
  }
}

/** Records that follow each other, in one message. */
interface CopyMessage {
  readonly chain: string;
  /** Of the first of them. */
  readonly n: number;
  readonly lines: readonly Uint8Array[];
}

/** What has come by now goes together: a message a record would be a third of what a bus is told of a large job. */
const TOGETHER_MAX = 500;
const TOGETHER_BYTES_MAX = 256 * 1024;

async function* together(lines: AsyncIterable<AuditLine>, last: number): AsyncGenerator<AuditLine[]> {
  let held: AuditLine[] = [];
  let bytes = 0;
  for await (const line of lines) {
    // What is not synced yet may still be taken back.
    if (line.entry.n > last) break;
    const before = held.at(-1);
    const isNext = before === undefined || line.entry.n === before.entry.n + 1;
    if (!isNext || held.length >= TOGETHER_MAX || bytes + line.text.length > TOGETHER_BYTES_MAX) {
      if (held.length > 0) yield held;
      [held, bytes] = [[], 0];
    }
    held.push(line);
    bytes += line.text.length;
  }
  if (held.length > 0) yield held;
}

const copyOf = (chain: string, lines: readonly AuditLine[]): CopyMessage => ({
  chain,
  n: lines[0]!.entry.n,
  lines: lines.map(({ text }) => text),
});

function readCopy(
  { subject, data, sequence }: Pick<Stored, "subject" | "data" | "sequence">,
  key: Uint8Array,
): Copied[] {
  const { chain, n, lines } = unpack(reveal(data, key, subject)) as CopyMessage;
  return lines.map((line, at) => ({ sequence, chain, n: n + at, line }));
}
