/** A key as Ceph's keyrings write it: what kind, since when, how long, the key itself. */
import { randomBytes } from "node:crypto";

export const CEPH_KEY_BYTES = 16;

const AES = 1;

export function makeCephKey(nowMs = Date.now()): string {
  const head = Buffer.alloc(12);
  head.writeUInt16LE(AES, 0);
  head.writeUInt32LE(Math.floor(nowMs / 1000), 2);
  head.writeUInt32LE((nowMs % 1000) * 1_000_000, 6);
  head.writeUInt16LE(CEPH_KEY_BYTES, 10);
  return Buffer.concat([head, randomBytes(CEPH_KEY_BYTES)]).toString("base64");
}
