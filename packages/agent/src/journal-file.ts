/**
 * The journal on the disk: a line that names the format, then records of
 * length, checksum and msgpack. Records are only ever added; a reader finds out
 * whether the end was torn by a crash or the middle was damaged.
 */
import { crc32 } from "node:zlib";

import { pack, unpackHostile } from "@boma/protocol";

/** Where the body of a record begins. */
export const PREFIX_BYTES = 8;
export const JOURNAL_HEAD = Buffer.from("boma journal 1\n");
/** Larger than a return and its order together can be. */
const RECORD_BYTES_MAX = 1024 * 1024;

export function packRecord(record: object): Uint8Array {
  const body = pack(record);
  if (body.length > RECORD_BYTES_MAX) throw new Error(`a record of ${body.length} bytes is too long`);
  const prefix = Buffer.alloc(PREFIX_BYTES);
  prefix.writeUInt32BE(body.length, 0);
  prefix.writeUInt32BE(checksum(prefix.subarray(0, 4), body), 4);
  return Buffer.concat([prefix, body]);
}

/** The length is covered as well: a changed length must not look like another record. */
const checksum = (length: Uint8Array, body: Uint8Array): number => crc32(body, crc32(length));

export interface Scanned {
  readonly record: unknown;
  readonly at: number;
  readonly length: number;
}

export interface Scan {
  readonly records: readonly Scanned[];
  /** Everything before this byte is good. */
  readonly end: number;
  readonly state: "whole" | "torn" | "corrupt";
}

export function scanJournal(data: Uint8Array): Scan {
  const bytes = Buffer.from(data.buffer, data.byteOffset, data.byteLength);
  const head = bytes.subarray(0, JOURNAL_HEAD.length);
  if (!head.equals(JOURNAL_HEAD.subarray(0, head.length))) return { records: [], end: 0, state: "corrupt" };
  if (head.length < JOURNAL_HEAD.length) return { records: [], end: 0, state: "torn" };
  const records: Scanned[] = [];
  let at = JOURNAL_HEAD.length;
  while (at < bytes.length) {
    const body = recordAt(bytes, at);
    if (!body) return { records, end: at, state: hasRecordAfter(bytes, at + 1) ? "corrupt" : "torn" };
    const length = PREFIX_BYTES + body.length;
    records.push({ record: unpackHostile(body), at, length });
    at += length;
  }
  return { records, end: at, state: "whole" };
}

function recordAt(bytes: Buffer, at: number): Buffer | undefined {
  const start = at + PREFIX_BYTES;
  if (start > bytes.length) return undefined;
  const length = bytes.readUInt32BE(at);
  if (length === 0 || length > RECORD_BYTES_MAX || start + length > bytes.length) return undefined;
  // Every record is a small map, which makes a chance hit on random bytes rarer still.
  if ((bytes[start]! & 0xf0) !== 0x80) return undefined;
  const body = bytes.subarray(start, start + length);
  return checksum(bytes.subarray(at, at + 4), body) === bytes.readUInt32BE(at + 4) ? body : undefined;
}

/** A good record behind a bad one proves that the bad one is not the torn end of the last write. */
function hasRecordAfter(bytes: Buffer, from: number): boolean {
  for (let at = from; at + PREFIX_BYTES < bytes.length; at++) if (recordAt(bytes, at)) return true;
  return false;
}

export interface Salvaged {
  readonly record: unknown;
  /** Bytes before it made no sense. */
  readonly afterDamage: boolean;
}

/** Every good record, also those behind damage: for files of which the rest is still worth having. */
export function salvage(data: Uint8Array): {
  readonly records: readonly Salvaged[];
  readonly whole: boolean;
} {
  const bytes = Buffer.from(data.buffer, data.byteOffset, data.byteLength);
  const isOurs = bytes.subarray(0, JOURNAL_HEAD.length).equals(JOURNAL_HEAD);
  const records: Salvaged[] = [];
  let whole = isOurs;
  let afterDamage = !isOurs;
  for (let at = isOurs ? JOURNAL_HEAD.length : 0; at < bytes.length;) {
    const body = recordAt(bytes, at);
    if (body) {
      records.push({ record: unpackHostile(body), afterDamage });
      at += PREFIX_BYTES + body.length;
    } else at++;
    afterDamage = !body;
    whole &&= !afterDamage;
  }
  return { records, whole };
}
