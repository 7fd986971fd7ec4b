import { Packr, Unpackr } from "msgpackr";
import { z } from "zod";

import { BomaError } from "./errors.ts";
import { assertPlainMsgpack } from "./msgpack.ts";

// Plain msgpack that any language reads: no record extension, the shortest maps.
const options = {
  useRecords: false,
  variableMapSize: true,
  mapsAsObjects: true,
  int64AsType: "number",
} as const;
const packr = new Packr(options);
// What is read is kept for long: a copy of 32 bytes must not hold the bus's whole buffer in memory, nor change with it.
const unpackr = new Unpackr({ ...options, copyBuffers: true });

export const pack = (value: unknown): Uint8Array => new Uint8Array(packr.pack(value));

/** Reads bytes of our own making, such as records in the master's store. */
export const unpack = (bytes: Uint8Array): unknown => unpackr.unpack(bytes);

/** Reads bytes of a stranger: plain values only, bounded in depth, every fault a wire error. */
export function unpackHostile(bytes: Uint8Array): unknown {
  assertPlainMsgpack(bytes);
  try {
    // A Buffer would give Buffers, which print and compare otherwise than bytes.
    return unpackr.unpack(new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength));
  } catch (cause) {
    throw new BomaError("wire/frame", "the bytes are not msgpack", { cause });
  }
}

/** Bytes, of any kind of buffer. */
export const Bytes = z.custom<Uint8Array>((value) => value instanceof Uint8Array, "expected bytes");
