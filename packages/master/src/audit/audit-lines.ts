/** The records on the disk, oldest first, from a number or a moment on: only the segments that can hold them are read. */
import { existsSync } from "node:fs";
import { join } from "node:path";

import { type AuditEntry, readLine } from "./record.ts";
import { linesOf, segmentsIn } from "./segments.ts";

export interface AuditFrom {
  /** The last record that is known already. */
  readonly after?: number | undefined;
  /** Milliseconds since 1970. */
  readonly since?: number | undefined;
}

export interface AuditLine {
  readonly text: Buffer;
  readonly entry: AuditEntry;
}

interface Place {
  readonly name: string;
  readonly offset: number;
}

/** Where readers stood when they ended: whoever goes on there need not read the segment again from its beginning. */
const places = new Map<string, Place>();
const PLACES_MAX = 64;

function keepPlace(dir: string, n: number, place: Place): void {
  places.set(`${dir}#${n}`, place);
  if (places.size > PLACES_MAX) places.delete(places.keys().next().value!);
}

/** Lines that cannot be read are left out here; `audit verify` names them. */
export async function* auditLines(dir: string, from: AuditFrom = {}): AsyncGenerator<AuditLine> {
  const { after = 0, since = 0 } = from;
  const known = places.get(`${dir}#${after}`);
  const names = known ? segmentsIn(dir).filter((name) => name >= known.name) : await segmentsFrom(dir, from);
  let last: { readonly n: number; readonly place: Place } | undefined;
  try {
    for (const name of names) {
      const start = name === known?.name ? known.offset : 0;
      // One that the retention took meanwhile is gone for everybody.
      if (!existsSync(join(dir, name))) continue;
      for await (const { bytes, offset, whole } of linesOf(join(dir, name), start)) {
        const entry = whole ? readLine(bytes) : undefined;
        if (!entry || entry.n <= after || Date.parse(entry.at) < since) continue;
        yield { text: bytes, entry };
        // Only when the reader asks for the next one it is done with this one.
        last = { n: entry.n, place: { name, offset: offset + bytes.length + 1 } };
      }
    }
  } finally {
    if (last) keepPlace(dir, last.n, last.place);
  }
}

export async function* auditEntries(dir: string, from: AuditFrom = {}): AsyncGenerator<AuditEntry> {
  for await (const { entry } of auditLines(dir, from)) yield entry;
}

/** A segment whose successor begins no later than the place that is asked for holds nothing of it. */
async function segmentsFrom(dir: string, { after = 0, since = 0 }: AuditFrom): Promise<string[]> {
  const names = segmentsIn(dir);
  let first = names.length - 1;
  for (; first > 0; first--) {
    const entry = await firstEntry(join(dir, names[first]!));
    if (entry && entry.n <= after + 1 && Date.parse(entry.at) <= Math.max(since, 0)) break;
    if (entry && since === 0 && entry.n <= after + 1) break;
    if (entry && after === 0 && Date.parse(entry.at) < since) break;
  }
  return names.slice(Math.max(first, 0));
}

async function firstEntry(path: string): Promise<AuditEntry | undefined> {
  for await (const { bytes, whole } of linesOf(path)) return whole ? readLine(bytes) : undefined;
  return undefined;
}
