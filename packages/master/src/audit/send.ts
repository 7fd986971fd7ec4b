/** Sends records to a program elsewhere, in order, and remembers how far it got: what was not taken is sent again. */
import { mkdirSync, readFileSync, writeFileSync, renameSync } from "node:fs";
import { dirname } from "node:path";

import { BomaError } from "@boma/protocol";

import { numberOf } from "./remote.ts";

/** Where records go. It resolves when they were taken; a connectionless one cannot know more than that they left. */
export interface AuditSink {
  send(lines: readonly string[]): Promise<void>;
  close(): Promise<void>;
  /** The last record that is there already, where the place itself can say. */
  readonly last?: number | undefined;
}

const TOGETHER_MAX = 200;
const GATHER_MS = 200;
const AGAIN_MS_MAX = 30_000;

/** How far a named export got, on the host where it runs. */
export class SendPosition {
  readonly #path: string | undefined;
  last: number;

  constructor(path: string | undefined) {
    this.#path = path;
    this.last = path === undefined ? 0 : readPosition(path);
  }

  done(last: number): void {
    this.last = last;
    if (this.#path === undefined) return;
    mkdirSync(dirname(this.#path), { recursive: true, mode: 0o700 });
    writeFileSync(`${this.#path}.new`, JSON.stringify({ last }), { mode: 0o600, flush: true });
    renameSync(`${this.#path}.new`, this.#path);
  }
}

function readPosition(path: string): number {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch {
    return 0; // It begins.
  }
  const last: unknown = (JSON.parse(text) as { last?: unknown }).last;
  if (typeof last === "number" && Number.isSafeInteger(last) && last >= 0) return last;
  throw new BomaError("usage/file", `${path} does not say how far the export got`, {
    hint: "Remove it to send everything again.",
  });
}

interface Sending {
  readonly sink: AuditSink;
  readonly position: SendPosition;
  /** It goes on for ever, and so it tries again for ever; without it the first failure ends it. */
  readonly follow: boolean;
  readonly note: (text: string) => void;
}

/** Sends all of them; resolves with how many that were. */
export async function sendAll(lines: AsyncIterable<string>, sending: Sending): Promise<number> {
  let count = 0;
  for await (const together of gathered(lines)) {
    await sendUntilTaken(together, sending);
    sending.position.done(numberOf(together.at(-1)!));
    count += together.length;
  }
  return count;
}

async function sendUntilTaken(lines: readonly string[], { sink, follow, note }: Sending): Promise<void> {
  for (let wait = 500; ; wait = Math.min(wait * 2, AGAIN_MS_MAX))
    try {
      return await sink.send(lines);
    } catch (cause) {
      const why = cause instanceof Error ? cause.message : String(cause);
      if (!follow)
        throw new BomaError("audit/export", `record ${numberOf(lines[0]!)} was not taken: ${why}`, { cause });
      note(`not taken, trying again: ${why}`);
      await new Promise((resolve) => setTimeout(resolve, wait));
    }
}

/** Lines that come together go together; the first of them does not wait long for company. */
async function* gathered(lines: AsyncIterable<string>): AsyncGenerator<string[]> {
  const source = lines[Symbol.asyncIterator]();
  let next = source.next();
  for (;;) {
    const first = await next;
    if (first.done) return;
    const together = [first.value];
    next = source.next();
    const late = new Promise<"late">((resolve) => setTimeout(() => resolve("late"), GATHER_MS));
    while (together.length < TOGETHER_MAX) {
      const step = await Promise.race([next, late]);
      if (step === "late" || step.done) break;
      together.push(step.value);
      next = source.next();
    }
    yield together;
  }
}
