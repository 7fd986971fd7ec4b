/**
 * Random bytes for what need not be secret: nonces, ids, initial values. Taken from the system many at a time, for one call
 * each is a tenth of what a sealed record costs. Keys are made with `randomBytes`.
 */
import { randomFillSync } from "node:crypto";

const pool = Buffer.alloc(4096);
let used = pool.length;

export function someBytes(count: number): Uint8Array {
  if (used + count > pool.length) {
    randomFillSync(pool);
    used = 0;
  }
  const bytes = new Uint8Array(pool.subarray(used, used + count));
  used += count;
  return bytes;
}
