import { Packr, Unpackr } from "msgpackr";
import { z } from "zod";

import { BomaError } from "./errors.ts";
import { NESTING_DEPTH_MAX } from "./limits.ts";

// Plain msgpack that any language reads: no record extension, the shortest maps.
const options = {
  useRecords: false,
  variableMapSize: true,
  mapsAsObjects: true,
  int64AsType: "number",
} as const;
const packr = new Packr(options);
const unpackr = new Unpackr(options);

export const pack = (value: unknown): Uint8Array => new Uint8Array(packr.pack(value));

/** Reads bytes of our own making, such as records in the master's store. */
export const unpack = (bytes: Uint8Array): unknown => unpackr.unpack(bytes);

/** Reads bytes of a stranger: plain values only, bounded in depth, every fault a wire error. */
export function unpackHostile(bytes: Uint8Array): unknown {
  let value: unknown;
  try {
    value = unpackr.unpack(bytes);
  } catch (cause) {
    throw new BomaError("wire/frame", "the bytes are not msgpack", { cause });
  }
  assertPlain(value, NESTING_DEPTH_MAX);
  return value;
}

/** msgpack extensions can make dates, maps, sets and errors; none of them is part of a message. */
function assertPlain(value: unknown, depth: number): void {
  if (typeof value !== "object" || value === null || value instanceof Uint8Array) return;
  if (depth === 0) throw new BomaError("wire/frame", "the message is nested too deeply");
  if (Array.isArray(value)) {
    for (const item of value) assertPlain(item, depth - 1);
    return;
  }
  if (Object.getPrototypeOf(value) !== Object.prototype)
    throw new BomaError("wire/frame", "the message holds a value that is not plain data");
  for (const key of Object.keys(value)) {
    if (key === "__proto__") throw new BomaError("wire/frame", "the message holds a forbidden key");
    assertPlain((value as Record<string, unknown>)[key], depth - 1);
  }
}

/** Bytes, of any kind of buffer. */
export const Bytes = z.custom<Uint8Array>((value) => value instanceof Uint8Array, "expected bytes");
