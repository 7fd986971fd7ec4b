/**
 * Where events are written so that it is known when they are there. A durable
 * reader lets go of an event only then: a pipe has taken it, or a file has it on
 * its disk. Of a file the last whole line says where its reader stands.
 */
import {
  closeSync,
  constants,
  fdatasyncSync,
  fstatSync,
  ftruncateSync,
  openSync,
  readFileSync,
  readSync,
  writeSync,
} from "node:fs";

import { BomaError } from "@boma/protocol";

const STDOUT = 1;
const READ_AT_ONCE = 64 * 1024;

/** A line about lost events has no uid. */
export interface LastLine {
  readonly sequence: number;
  readonly uid?: string;
}

export interface EventSink {
  /** What the last line that is there already says. */
  readonly last: LastLine | undefined;
  write(lines: readonly string[]): Promise<void>;
}

export const stdoutIsFile = (): boolean => fstatSync(STDOUT).isFile();

/** A reader that has gone ends the command before anything is said to be done. */
export const pipeSink: EventSink = {
  last: undefined,
  write: (lines) =>
    new Promise((resolve, reject) => {
      const text = lines.map((line) => `${line}\n`).join("");
      process.stdout.write(text, (error) => (error ? reject(error) : resolve()));
    }),
};

/** A line that a crash tore is cut off: its event comes again. */
export function fileSink(): EventSink {
  assertAppends();
  const { last, bytes } = lastLine();
  if (bytes < fstatSync(STDOUT).size) ftruncateSync(STDOUT, bytes);
  let size = bytes;
  return {
    last,
    async write(lines) {
      if (lines.length === 0) return;
      if (fstatSync(STDOUT).size !== size)
        throw new BomaError("events/taken-over", "somebody else writes into this file as well");
      const data = Buffer.from(lines.map((line) => `${line}\n`).join(""));
      for (let at = 0; at < data.length;) at += writeSync(STDOUT, data, at);
      fdatasyncSync(STDOUT);
      size += data.length;
    },
  };
}

/** Without it what is written begins in the middle of what is there. */
function assertAppends(): void {
  const flags = /^flags:\s*([0-7]+)$/m.exec(readFileSync(`/proc/self/fdinfo/${STDOUT}`, "utf8"))?.[1] ?? "0";
  if (fstatSync(STDOUT).size === 0 || (Number.parseInt(flags, 8) & constants.O_APPEND) !== 0) return;
  throw new BomaError("usage/file", "a durable reader goes on at the end of its file", {
    hint: "Write `>> FILE` instead of `> FILE`.",
  });
}

/** Read from the end, piece by piece: such a file grows for months. */
function lastLine(): { last: LastLine | undefined; bytes: number } {
  const { size } = fstatSync(STDOUT);
  if (size === 0) return { last: undefined, bytes: 0 };
  const file = openSync(`/proc/self/fd/${STDOUT}`, "r");
  try {
    let tail = Buffer.alloc(0);
    for (let from = size; from > 0;) {
      const piece = Buffer.alloc(Math.min(READ_AT_ONCE, from));
      from -= piece.length;
      readSync(file, piece, 0, piece.length, from);
      tail = Buffer.concat([piece, tail]);
      const end = tail.lastIndexOf(0x0a);
      const begin = end < 0 ? -1 : tail.subarray(0, end).lastIndexOf(0x0a);
      if (begin < 0 && from > 0) continue;
      // What a crash tore is the beginning of a document; anything else is not ours to cut.
      if (end + 1 < tail.length && tail[end + 1] !== 0x7b) throw noEvent();
      if (end < 0) return { last: undefined, bytes: 0 };
      return { last: readLine(tail.subarray(begin + 1, end).toString()), bytes: from + end + 1 };
    }
  } finally {
    closeSync(file);
  }
  return { last: undefined, bytes: 0 };
}

function readLine(line: string): LastLine {
  try {
    const { sequence, uid } = JSON.parse(line) as { sequence?: unknown; uid?: unknown };
    if (Number.isSafeInteger(sequence))
      return { sequence: sequence as number, ...(typeof uid === "string" && { uid }) };
  } catch {
    // Said below.
  }
  throw noEvent();
}

const noEvent = (): BomaError =>
  new BomaError("usage/file", "the file's last line is no event, so it does not say where to go on", {
    hint: "Let a durable reader have a file of its own.",
  });
