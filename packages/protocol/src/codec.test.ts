/**
 * Goal: the bytes are msgpack that any language reads, and reading a stranger's
 * bytes gives plain data or a wire error. What the reader refuses of envelopes
 * is in envelope.test.ts; here are the encoding itself and its bounds.
 */
import fc from "fast-check";
import { describe, expect, test } from "vitest";

import { Bytes, pack, unpack, unpackHostile } from "./codec.ts";
import { BomaError } from "./errors.ts";

const hex = (value: unknown): string => Buffer.from(pack(value)).toString("hex");

describe("packing", () => {
  test.each([
    [null, "c0"],
    [true, "c3"],
    [5, "05"],
    [-1, "ff"],
    [300, "cd012c"],
    [1.5, "cb3ff8000000000000"],
    ["ab", "a26162"],
    [Uint8Array.of(1, 2), "c4020102"],
    [Buffer.of(1, 2), "c4020102"],
    [[1, [2]], "92019102"],
    [{}, "80"],
    [{ a: 1 }, "81a16101"],
    [{ a: { b: [] } }, "81a16181a16290"],
    [{ 1: "x" }, "81a131a178"],
  ])("%j is the plain msgpack %s", (value, expected) => {
    expect(hex(value)).toBe(expected);
  });

  test("a map has the shortest head that can say its size", () => {
    const mapOf = (size: number) => Object.fromEntries(Array.from({ length: size }, (_, i) => [`k${i}`, i]));
    expect(hex(mapOf(15)).slice(0, 2)).toBe("8f");
    expect(hex(mapOf(16)).slice(0, 6)).toBe("de0010");
  });

  test("many maps of one shape are each written out: there are no records", () => {
    const rows = Array.from({ length: 50 }, (_, i) => ({ name: "n", size: i }));
    expect(hex(rows).match(/82a46e616d65/g)).toHaveLength(50);
  });

  test("a large number is a number on the other side, never a bigint", () => {
    expect(unpack(pack(Number.MAX_SAFE_INTEGER))).toBe(Number.MAX_SAFE_INTEGER);
    expect(unpack(Buffer.from("cf00000000ffffffff", "hex"))).toBe(0xffffffff);
  });
});

describe("reading a stranger's bytes", () => {
  test("gives back what was packed, in a copy", () => {
    const plain = fc.object({
      maxDepth: 6,
      values: [
        fc.string({ unit: "binary" }),
        fc.integer(),
        fc.double({ noNaN: true }).map((number) => number + 0),
        fc.boolean(),
        fc.constant(null),
        fc.uint8Array(),
      ],
    });
    fc.assert(
      fc.property(plain, (value) => {
        fc.pre(!fc.stringify(value).includes("__proto__") && !/-0\b/.test(fc.stringify(value)));
        const bytes = pack(value);
        const read = unpackHostile(bytes);
        bytes.fill(0xc1);
        expect(read).toEqual(value);
      }),
    );
  });

  test("any bytes at all give a value or a wire error, and never another throw", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
        try {
          unpackHostile(bytes);
        } catch (thrown) {
          expect(thrown).toBeInstanceOf(BomaError);
          expect((thrown as BomaError).code).toBe("wire/frame");
        }
      }),
      { numRuns: 2000 },
    );
  });

  test("every cut of a message is refused", () => {
    const bytes = pack({
      list: [1, 300, -70_000, 1.5, 2 ** 40],
      text: "é".repeat(40),
      raw: Buffer.alloc(300),
    });
    expect(unpackHostile(bytes)).toMatchObject({ list: [1, 300, -70_000, 1.5, 2 ** 40] });
    for (let length = 0; length < bytes.length; length++)
      expect(() => unpackHostile(bytes.subarray(0, length)), `cut to ${length}`).toThrow(BomaError);
  });

  test("knows every plain code of msgpack, the long-winded ones too", () => {
    const codes: [string, unknown][] = [
      ["c2", false],
      ["ca3fc00000", 1.5],
      ["cc80", 128],
      ["ce00010000", 65_536],
      ["d080", -128],
      ["d18000", -32_768],
      ["d280000000", -2_147_483_648],
      ["d3ffffffffffffffff", -1],
      ["c4020102", Uint8Array.of(1, 2)],
      ["c500020102", Uint8Array.of(1, 2)],
      ["c6000000020102", Uint8Array.of(1, 2)],
      ["d9026162", "ab"],
      ["da00026162", "ab"],
      ["db000000026162", "ab"],
      ["dc00020102", [1, 2]],
      ["dd000000020102", [1, 2]],
      ["de0001a16105", { a: 5 }],
      ["df00000001a16105", { a: 5 }],
    ];
    for (const [bytes, value] of codes)
      expect(unpackHostile(Buffer.from(bytes, "hex")), bytes).toEqual(value);
  });

  test("an absent value of a list or map survives, though msgpack has no word for it", () => {
    expect(unpackHostile(pack([undefined, 1]))).toEqual([undefined, 1]);
    expect(unpackHostile(pack({ a: undefined }))).toEqual({ a: undefined });
  });

  test("text that is not UTF-8 becomes text, not a fault further in", () => {
    expect(unpackHostile(Buffer.from("a2fffe", "hex"))).toBe("\uFFFD\uFFFD");
  });
});

test("bytes are bytes in any kind of buffer, and nothing else is", () => {
  expect([Uint8Array.of(1), Buffer.of(1)].map((value) => Bytes.safeParse(value).success)).toEqual([
    true,
    true,
  ]);
  expect(
    [[1], "a", null, new ArrayBuffer(1), Int8Array.of(1)].some((value) => Bytes.safeParse(value).success),
  ).toBe(false);
});
