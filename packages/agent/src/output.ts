/** Output lines on their way: gathered for a moment, cut to size, and counted when they come too fast. */
import { LINE_BYTES_MAX } from "@boma/protocol";
import type { OutputLine } from "@boma/states/core";

const GATHER_MS = 50;
const BATCH_LINES_MAX = 100;
/** Well below what a message may carry, however the text packs. */
const BATCH_BYTES_MAX = 128 * 1024;
/** One node may not fill the bus: what is faster than this for long is left out, and the result still has its ends. */
const BYTES_PER_SECOND_MAX = 1024 * 1024;
const BURST_BYTES_MAX = 2 * 1024 * 1024;

export interface Batch {
  readonly lines: readonly OutputLine[];
  readonly dropped: number;
}

export interface LineGatherer {
  add(line: OutputLine): void;
  /** Sends what is left; the last call. */
  end(): void;
}

/** `send` says whether the batch went out; lines of one that did not are counted as dropped. */
export function gatherLines(
  send: (batch: Batch) => boolean,
  steady: () => number = () => performance.now(),
): LineGatherer {
  let lines: OutputLine[] = [];
  let bytes = 0;
  let dropped = 0;
  let timer: NodeJS.Timeout | undefined;
  const rate = rateLimit(steady);

  const flush = (): void => {
    clearTimeout(timer);
    timer = undefined;
    if (lines.length === 0 && dropped === 0) return;
    if (send({ lines, dropped })) dropped = 0;
    else dropped += lines.length;
    lines = [];
    bytes = 0;
  };
  const addPiece = (line: OutputLine): void => {
    const size = Buffer.byteLength(line.text) + 1;
    timer ??= setTimeout(flush, GATHER_MS);
    if (!rate(size)) {
      dropped++;
      return;
    }
    if (bytes + size > BATCH_BYTES_MAX) flush();
    lines.push(line);
    bytes += size;
    if (lines.length >= BATCH_LINES_MAX) flush();
  };
  return {
    add({ stream, text }) {
      for (const piece of splitBytes(text, LINE_BYTES_MAX)) addPiece({ stream, text: piece });
    },
    end: flush,
  };
}

/** A bucket that refills: bursts pass, a flood does not. */
function rateLimit(steady: () => number): (bytes: number) => boolean {
  let room = BURST_BYTES_MAX;
  let at = steady();
  return (bytes) => {
    const now = steady();
    room = Math.min(BURST_BYTES_MAX, room + ((now - at) / 1000) * BYTES_PER_SECOND_MAX);
    at = now;
    if (room < bytes) return false;
    room -= bytes;
    return true;
  };
}

/** Pieces of at most so many bytes of UTF-8, never through the middle of a character. */
export function splitBytes(text: string, max: number): string[] {
  if (text.length * 3 <= max || Buffer.byteLength(text) <= max) return [text];
  const bytes = Buffer.from(text);
  const pieces: string[] = [];
  for (let at = 0; at < bytes.length;) {
    let end = Math.min(at + max, bytes.length);
    while (end < bytes.length && (bytes[end]! & 0xc0) === 0x80) end--;
    pieces.push(bytes.toString("utf8", at, end));
    at = end;
  }
  return pieces;
}

const marker = (left: number): string => `\n… ${left} bytes left out …\n`;

/** The beginning and the end of a text, where the whole is too long. */
export function keepEnds(text: string, max: number): { readonly text: string; readonly cut: boolean } {
  const bytes = Buffer.from(text);
  if (bytes.length <= max) return { text, cut: false };
  const half = Math.max(0, Math.floor((max - 40) / 2));
  let head = half;
  while (head > 0 && (bytes[head]! & 0xc0) === 0x80) head--;
  let tail = bytes.length - half;
  while (tail < bytes.length && (bytes[tail]! & 0xc0) === 0x80) tail++;
  const left = tail - head;
  return { text: bytes.toString("utf8", 0, head) + marker(left) + bytes.toString("utf8", tail), cut: true };
}

/** Gathers a stream's beginning and end without ever holding its middle. */
export class EndsBuffer {
  readonly #half: number;
  #head: Buffer[] = [];
  #headBytes = 0;
  #tail: Buffer[] = [];
  #tailBytes = 0;
  #total = 0;

  constructor(max: number) {
    this.#half = Math.floor((max - 40) / 2);
  }

  add(chunk: Buffer): void {
    this.#total += chunk.length;
    const toHead = chunk.subarray(0, this.#half - this.#headBytes);
    if (toHead.length > 0) {
      this.#head.push(toHead);
      this.#headBytes += toHead.length;
    }
    const rest = chunk.subarray(toHead.length);
    if (rest.length === 0) return;
    this.#tail.push(rest);
    this.#tailBytes += rest.length;
    while (this.#tail.length > 1 && this.#tailBytes - this.#tail[0]!.length >= this.#half)
      this.#tailBytes -= this.#tail.shift()!.length;
  }

  read(): { readonly text: string; readonly cut: boolean } {
    const head = Buffer.concat(this.#head);
    let tail = Buffer.concat(this.#tail);
    if (tail.length > this.#half) tail = tail.subarray(tail.length - this.#half);
    const left = this.#total - head.length - tail.length;
    if (left === 0) return { text: Buffer.concat([head, tail]).toString(), cut: false };
    // Where a character was cut through, its half is left out with the middle.
    let start = 0;
    while (start < Math.min(4, tail.length) && (tail[start]! & 0xc0) === 0x80) start++;
    return { text: trimHalfCharacter(head) + marker(left) + tail.toString("utf8", start), cut: true };
  }
}

function trimHalfCharacter(bytes: Buffer): string {
  let start = bytes.length - 1;
  while (start > 0 && bytes.length - start < 4 && (bytes[start]! & 0xc0) === 0x80) start--;
  const lead = bytes[start] ?? 0;
  const needed = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : lead >= 0xc0 ? 2 : 1;
  return bytes.toString("utf8", 0, bytes.length - start < needed ? start : bytes.length);
}
