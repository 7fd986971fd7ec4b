/** The files of the audit as they lie on the disk, read line by line: the chain's segments and the heads beside them. */
import { createReadStream, existsSync, readdirSync } from "node:fs";
import { join } from "node:path";

import type { Home } from "../home.ts";

export const auditDir = (home: Home): string => join(home.dir, "master/audit");
export const headsFile = (dir: string): string => join(dir, "heads.jsonl");
export const segmentName = (number: number): string => `${String(number).padStart(8, "0")}.jsonl`;

const SEGMENT = /^\d{8}\.jsonl$/;

/** In the order of the chain. */
export const segmentsIn = (dir: string): string[] =>
  existsSync(dir)
    ? readdirSync(dir)
        .filter((name) => SEGMENT.test(name))
        .sort()
    : [];

export interface FileLine {
  readonly bytes: Buffer;
  /** Counts from 1, as editors do. */
  readonly line: number;
  /** Where it begins. */
  readonly offset: number;
  /** It ends as a line does; one that does not was cut short. */
  readonly whole: boolean;
}

const NEWLINE = 0x0a;

/** The lines of a file as bytes: what is hashed is what lies there, not what it means. */
export async function* linesOf(path: string, start = 0): AsyncGenerator<FileLine> {
  const parts: Buffer[] = [];
  let line = 1;
  let offset = start;
  const take = (whole: boolean): FileLine => {
    const bytes = parts.length === 1 ? parts[0]! : Buffer.concat(parts);
    parts.length = 0;
    const taken = { bytes, line: line++, offset, whole };
    offset += bytes.length + 1;
    return taken;
  };
  for await (const chunk of createReadStream(path, {
    start,
    highWaterMark: 1024 * 1024,
  }) as AsyncIterable<Buffer>) {
    let from = 0;
    for (let to = chunk.indexOf(NEWLINE); to >= 0; to = chunk.indexOf(NEWLINE, from)) {
      parts.push(chunk.subarray(from, to));
      yield take(true);
      from = to + 1;
    }
    if (from < chunk.length) parts.push(chunk.subarray(from));
  }
  if (parts.length > 0) yield take(false);
}
