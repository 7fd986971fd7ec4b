/** What is old or too much goes, whole segments at a time, and only what a signed head behind it still proves. */
import { stat, unlink } from "node:fs/promises";
import { join } from "node:path";

import { type AuditRecord, hashOf, readLine } from "./record.ts";
import { linesOf, segmentsIn } from "./segments.ts";

export interface Keep {
  readonly ms: number;
  readonly bytes: number;
}

interface Parts {
  /** The last record that a signed head covers. */
  readonly signed: number;
  readonly record: (record: AuditRecord) => Promise<void>;
}

interface Segment {
  readonly path: string;
  readonly name: string;
  readonly bytes: number;
  readonly at: number;
}

/** Returns the last record that has gone. Says in the chain what goes before it goes: without that, what is missing was taken. */
export async function dropOldSegments(
  dir: string,
  keep: Keep,
  { signed, record }: Parts,
): Promise<number | undefined> {
  const segments = await Promise.all(segmentsIn(dir).map((name) => look(dir, name)));
  let bytes = segments.reduce((sum, segment) => sum + segment.bytes, 0);
  const going: Segment[] = [];
  for (const [at, segment] of segments.slice(0, -1).entries()) {
    // The age of a segment is that of its last record, which is older than its successor's first.
    const isOld = segments[at + 1]!.at < Date.now() - keep.ms;
    if (!isOld && bytes <= keep.bytes) break;
    bytes -= segment.bytes;
    going.push(segment);
  }
  const last = going.at(-1);
  if (!last) return undefined;
  const until = await lastRecord(last.path);
  if (until === undefined || until.n > signed) return undefined;
  await record({
    kind: "retention",
    segments: going.map(({ name }) => name),
    until: until.n,
    hash: until.hash,
  });
  for (const { path } of going) await unlink(path);
  return until.n;
}

async function look(dir: string, name: string): Promise<Segment> {
  const path = join(dir, name);
  const { size } = await stat(path);
  let at = Date.now();
  for await (const { bytes } of linesOf(path)) {
    at = Date.parse(readLine(bytes)?.at ?? "") || at;
    break;
  }
  return { path, name, bytes: size, at };
}

async function lastRecord(path: string): Promise<{ n: number; hash: string } | undefined> {
  let last: Buffer | undefined;
  for await (const { bytes, whole } of linesOf(path)) if (whole) last = bytes;
  const entry = last && readLine(last);
  return entry && { n: entry.n, hash: hashOf(last!) };
}
