/**
 * Goal: of a stranger's msgpack only plain data is ever made, in time that grows
 * with its size. Method: each code of msgpack that is more than plain data, as
 * bytes, alone and deep inside a value; the encoding's plain half is in
 * codec.test.ts, any bytes at all in test/fuzz.
 */
import { describe, expect, test } from "vitest";

import { pack, unpackHostile } from "./codec.ts";
import { NESTING_DEPTH_MAX } from "./limits.ts";
import { assertPlainMsgpack } from "./msgpack.ts";

const hex = (text: string): Buffer => Buffer.from(text.replace(/\s/g, ""), "hex");
const refused = expect.objectContaining({ code: "wire/frame" });
/** The bytes within a list within a map, with plain values around them. */
const inside = (value: Uint8Array): Buffer => Buffer.concat([hex("82 a161 93 01"), value, hex("02 a162 03")]);

describe("what is not plain data", () => {
  test.each([
    ["a date", "d6ff 00000001"],
    ["a set", "d473 00 91 01"],
    ["an error", "d465 00 93 a161 a162 c0"],
    ["a regular expression", "d478 00 92 a161 a0"],
    ["a typed array", "c702 74 01 01"],
    ["a record that gives plain numbers another meaning", "d472 41 91 a161 05"],
    ["a record with two bytes of name", "d572 4100 91 a161 05"],
    ["bundled text", "d662 00000002 a161"],
    ["a shared reference", "92 d669 00000001 91 01 d670 00000001"],
    ["an extension of no known type", "d4 11 00"],
    ["an extension of any length", "c9 00000001 11 00"],
    ["the code that msgpack never uses", "c1"],
    ["a key __proto__", "81 a95f5f70726f746f5f5f 81 a161 01"],
    ["a long-winded key __proto__", "81 d9095f5f70726f746f5f5f 81 a161 01"],
    ["a key that is a number", "81 01 02"],
    ["a key that is a map", "81 81 a161 01 02"],
    ["a key that is bytes", "81 c401 61 02"],
    ["a list of four thousand million", "dd ffffffff"],
    ["a map of four thousand million", "df ffffffff"],
    ["a text of four gigabytes", "db ffffffff 61"],
    ["four gigabytes", "c6 ffffffff 61"],
    ["a float that is cut", "cb 00"],
  ])("%s is refused, alone and inside a value", (_, bytes) => {
    expect(() => assertPlainMsgpack(hex(bytes))).toThrow(refused);
    expect(() => unpackHostile(hex(bytes))).toThrow(refused);
    expect(() => unpackHostile(inside(hex(bytes)))).toThrow(refused);
  });

  test("a plain value at the same place is read", () => {
    expect(unpackHostile(inside(hex("81 a161 c3")))).toEqual({ a: [1, { a: true }, 2], b: 3 });
  });

  test("a key may be any text but one, and a value may be that text too", () => {
    const value = { __proto_: 1, prototype: 2, constructor: 3, "": 4, toString: "__proto__" };
    expect(unpackHostile(pack(value))).toEqual(value);
    expect(unpackHostile(pack(["__proto__"]))).toEqual(["__proto__"]);
  });
});

describe("what would cost more than it weighs", () => {
  const nested = (levels: number): Uint8Array => Buffer.concat([Buffer.alloc(levels, 0x91), Buffer.of(1)]);

  test("nesting is accepted up to its bound and refused beyond it, of lists and of maps", () => {
    expect(unpackHostile(nested(NESTING_DEPTH_MAX))).toEqual(expect.any(Array));
    expect(() => unpackHostile(nested(NESTING_DEPTH_MAX + 1))).toThrow(refused);
    const maps = (levels: number) =>
      Buffer.concat([Buffer.from("81a161".repeat(levels), "hex"), Buffer.of(1)]);
    expect(unpackHostile(maps(NESTING_DEPTH_MAX))).toEqual(expect.any(Object));
    expect(() => unpackHostile(maps(NESTING_DEPTH_MAX + 1))).toThrow(refused);
  });

  test("a list that is closed no longer counts as a level", () => {
    const wide = Array.from({ length: 1000 }, () => [[[]]]);
    expect(unpackHostile(pack(wide))).toEqual(wide);
  });

  test("a million levels are refused without a stack of their own", () => {
    expect(() => assertPlainMsgpack(nested(1_000_000))).toThrow("nested too deeply");
  });

  test("five hundred bytes cannot ask for a hundred million visits", () => {
    // Each list holds ten references to the one before: the library builds a small
    // graph of it, and whoever walks that walks ten to the eighth values.
    const define = (n: number) => [0xd6, 0x69, 0, 0, 0, n];
    const refer = (n: number) => [0xd6, 0x70, 0, 0, 0, n];
    const bomb = [0x99, ...define(0), 0x91, 1];
    for (let n = 1; n < 9; n++)
      bomb.push(...define(n), 0x9a, ...Array.from({ length: 10 }, () => refer(n - 1)).flat());
    expect(bomb.length).toBeLessThan(600);
    expect(() => unpackHostile(Uint8Array.from(bomb))).toThrow(refused);
  });

  test("more values than there are bytes left are refused", () => {
    expect(() => assertPlainMsgpack(hex("dc 0003 01 02"))).toThrow("cut short");
    expect(() => assertPlainMsgpack(hex("de 0002 a161 01 a162"))).toThrow("cut short");
  });
});

test("exactly one value is read: none, or bytes behind it, are refused", () => {
  expect(() => unpackHostile(new Uint8Array(0))).toThrow(refused);
  expect(() => assertPlainMsgpack(hex("01 01"))).toThrow("bytes follow");
  expect(() => unpackHostile(hex("01 01"))).toThrow(refused);
  expect(() => unpackHostile(hex("80 c0"))).toThrow(refused);
});

test("a refused message leaves nothing behind that changes what the next one says", () => {
  // Obeyed, the record would make 65 the name of a map with one key.
  expect(() => unpackHostile(hex("92 d472 41 91 a161 05 05"))).toThrow(refused);
  expect(unpackHostile(hex("92 41 01"))).toEqual([65, 1]);
});
