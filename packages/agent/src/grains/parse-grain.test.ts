import { BomaError } from "@boma/protocol";
import { expect, test } from "vitest";

import { parseGrainOption } from "./parse-grain.ts";

test.each([
  ["rack=A12", { rack: "A12" }],
  ["n=5", { n: 5 }],
  ["n=-1.5", { n: -1.5 }],
  ["yes=true", { yes: true }],
  ['list=[1,"a"]', { list: [1, "a"] }],
  ['map={"row":"A"}', { map: { row: "A" } }],
  ['text="5"', { text: "5" }],
  ["none=null", { none: "null" }],
  ["empty=", { empty: "" }],
  ["eq=a=b", { eq: "a=b" }],
  // These would lose what they say as numbers.
  ["release=12.10", { release: "12.10" }],
  ["serial=12345678901234567890", { serial: "12345678901234567890" }],
  ["zip=007", { zip: "007" }],
])("%s", (option, grains) => {
  expect(parseGrainOption(option)).toEqual(grains);
});

test("a repeated key becomes a list", () => {
  const options = ["a=1", "b=x", "a=2", "a=[3,4]"];
  const grains = options.reduce((before, option) => parseGrainOption(option, before), {});
  expect(grains).toEqual({ a: [1, 2, 3, 4], b: "x" });
});

test.each([
  "",
  "rack",
  "=x",
  "a b=1",
  "a:b=1",
  "__proto__=1",
  "\u001b[31m=1",
  `${"k".repeat(129)}=1`,
  `a=${"x".repeat(5000)}`,
  `a=${"[".repeat(20)}${"]".repeat(20)}`,
  `a=${"[".repeat(5000)}${"]".repeat(5000)}`,
  'a={"__proto__":1}',
])("%j is refused", (option) => {
  expect(() => parseGrainOption(option)).toThrow(BomaError);
  expect(() => parseGrainOption(option)).toThrow(
    expect.objectContaining({ code: "usage/argument" }) as Error,
  );
});
