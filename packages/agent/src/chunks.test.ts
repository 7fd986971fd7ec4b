import { createHash, randomBytes } from "node:crypto";

import { type ChunkRef, CHUNK_BYTES_MAX, subjects } from "@boma/protocol";
import { describe, expect, test } from "vitest";

import type { BusMessage } from "./bus.ts";
import { readChunks } from "./chunks.ts";
import { memoryBus } from "./testing/support.ts";

const KEY = `U${"A".repeat(55)}`;
const bytes = randomBytes(CHUNK_BYTES_MAX * 2 + 17);
const digest = createHash("sha256").update(bytes).digest("hex");
const ref: ChunkRef = { digest, parts: 3, bytes: bytes.length };
const partAt = (part: number): Buffer => bytes.subarray(part * CHUNK_BYTES_MAX, (part + 1) * CHUNK_BYTES_MAX);

/** A bus that holds the thing, with some parts otherwise. */
function holding(change: Readonly<Record<number, Partial<BusMessage>>> = {}) {
  return memoryBus(({ subject }) => {
    const part = Number(subject.split(".").at(-1));
    if (subject !== subjects.readChunk(KEY, digest, part)) throw new Error(`unexpected ${subject}`);
    return { data: partAt(part), status: 0, ...change[part] };
  });
}
const read = (bus: ReturnType<typeof memoryBus>, of: ChunkRef = ref) =>
  readChunks({ bus, key: KEY, signal: new AbortController().signal }, of);
const altered = (part: number): Buffer => {
  const data = Buffer.from(partAt(part));
  data[3]! ^= 1;
  return data;
};

describe("what lies in parts", () => {
  test("is put together in order, and is what its digest says", async () => {
    expect(bytes.equals(await read(holding()))).toBe(true);
  });

  test("with nothing in it is one empty part", async () => {
    const empty = createHash("sha256").digest("hex");
    const bus = memoryBus(() => ({ data: new Uint8Array(), status: 0 }));
    expect(await read(bus, { digest: empty, parts: 1, bytes: 0 })).toHaveLength(0);
  });

  test("is refused where a part is missing, and the part is named", async () => {
    await expect(read(holding({ 1: { status: 404, data: new Uint8Array() } }))).rejects.toMatchObject({
      code: "wire/chunks-missing",
      message: `part 1 of ${digest.slice(0, 16)} is not on the bus`,
    });
  });

  test("is refused when one byte of it was altered", async () => {
    await expect(read(holding({ 2: { data: altered(2) } }))).rejects.toMatchObject({
      code: "wire/chunks",
      message: expect.stringContaining("another digest") as string,
    });
  });

  test("is refused at the first part that is longer or shorter than it must be, without reading on", async () => {
    for (const data of [randomBytes(1_000_000), partAt(0).subarray(1)]) {
      const bus = holding({ 0: { data } });
      await expect(read(bus)).rejects.toMatchObject({ code: "wire/chunks" });
      expect(bus.sent).toHaveLength(1);
    }
  });

  test("is not asked for when its size and the number of its parts cannot both be true", async () => {
    const bus = holding();
    await expect(read(bus, { ...ref, parts: 64 })).rejects.toMatchObject({ code: "wire/chunks" });
    await expect(read(bus, { digest, bytes: CHUNK_BYTES_MAX * 1000, parts: 1000 })).rejects.toMatchObject({
      code: "wire/chunks",
    });
    expect(bus.sent).toHaveLength(0);
  });

  test("is read on after the bus was away for a moment", async () => {
    const bus = memoryBus((sent, count) => {
      if (count === 2) throw new Error("disconnected");
      return { data: partAt(Number(sent.subject.split(".").at(-1))), status: 0 };
    });
    expect(bytes.equals(await read(bus))).toBe(true);
  });

  test("ends with a clear error when the bus never answers", async () => {
    const bus = memoryBus(() => Promise.reject(new Error("timeout")));
    await expect(read(bus)).rejects.toMatchObject({
      code: "bus/unreachable",
      message: expect.stringContaining("timeout") as string,
    });
  });

  test("is not read on for a job that was stopped", async () => {
    const controller = new AbortController();
    const bus = memoryBus(({ subject }) => {
      controller.abort(new Error("cancelled"));
      return { data: partAt(Number(subject.split(".").at(-1))), status: 0 };
    });
    await expect(readChunks({ bus, key: KEY, signal: controller.signal }, ref)).rejects.toThrow("cancelled");
    expect(bus.sent).toHaveLength(1);
  });
});
