/**
 * One record of the audit is one line of JSON. Its hash is the hash of that
 * line's bytes, and the next record carries it, so that anybody can follow the
 * chain with sha256sum and jq.
 */
import { hash } from "node:crypto";

/** What is recorded, before it has its place in the chain. */
export type AuditRecord = { readonly kind: AuditKind } & Readonly<Record<string, unknown>>;

export type AuditKind =
  | "segment"
  | "recovered"
  | "retention"
  | "leads"
  | "request"
  | "ended"
  | "denied"
  | "job"
  | "job-nodes"
  | "sent"
  | "result"
  | "late"
  | "finished"
  | "enrolled"
  | "rekeyed"
  | "revoked"
  | "assigned";

/** What every record has, whatever it says. */
export interface AuditEntry {
  readonly n: number;
  readonly at: string;
  /** The hash of the line before it. */
  readonly prev: string;
  readonly kind: string;
  readonly [said: string]: unknown;
}

/** The place after which a chain goes on. */
export interface ChainEnd {
  readonly n: number;
  readonly hash: string;
}

/** Before the first record. */
export const CHAIN_START: ChainEnd = { n: 0, hash: "0".repeat(64) };

export const hashOf = (line: Uint8Array): string => hash("sha256", line, "hex");

export function lineAfter({ n, hash: prev }: ChainEnd, { kind, ...said }: AuditRecord, now: Date): Buffer {
  const place = { n: n + 1, at: now.toISOString(), prev, kind };
  // The place comes first, and nothing that is said can be in its stead.
  return Buffer.from(JSON.stringify({ ...place, ...said, ...place }, bytesAsBase64));
}

/** A Buffer would make a list of numbers of itself before it is asked. */
function bytesAsBase64(this: Record<string, unknown>, name: string, value: unknown): unknown {
  const held = this[name];
  return held instanceof Uint8Array ? Buffer.from(held).toString("base64") : value;
}

const HASH = /^[0-9a-f]{64}$/;

/** A line as a record, if it is one. Not by a schema: a chain has millions of them. */
export function readLine(line: Uint8Array): AuditEntry | undefined {
  try {
    const entry = JSON.parse(
      Buffer.from(line.buffer, line.byteOffset, line.byteLength).toString("utf8"),
    ) as AuditEntry | null;
    const { n, at, prev, kind } = entry ?? {};
    const isPlace = Number.isSafeInteger(n) && n! > 0 && typeof at === "string" && typeof kind === "string";
    return isPlace && typeof prev === "string" && HASH.test(prev) ? entry! : undefined;
  } catch {
    return undefined;
  }
}
