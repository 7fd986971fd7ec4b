/** What Vault answers is not what it was told, and still the same. */
import { describe, expect, test } from "vitest";

import { differing, isAlike } from "./alike.ts";

describe("alike", () => {
  test.each([
    [3600, "1h"],
    [5400, "1h30m"],
    ["86400", "1d"],
    [0, "0s"],
    [["b", "a"], "a,b"],
    [["a"], ["a"]],
    ["a, b", ["b", "a"]],
    [[], ""],
    [null, ""],
    [null, []],
    [undefined, false],
    [true, "true"],
    ["2", 2],
    [{ a: 3600, more: 1 }, { a: "1h" }],
  ])("%j says what %j asks for", (is, want) => {
    expect(isAlike(is, want)).toBe(true);
  });

  test.each([
    [3600, "2h"],
    [["a"], "a,b"],
    [["a", "b"], ["a"]],
    [undefined, "x"],
    [undefined, true],
    [{ a: 1 }, { a: 1, b: 2 }],
    ["a", { a: 1 }],
    ["1h", "h1"],
  ])("%j does not say what %j asks for", (is, want) => {
    expect(isAlike(is, want)).toBe(false);
  });

  test("only the keys that are declared and differ are told, and those to be ignored never", () => {
    const is = { ttl: 60, policies: ["a"], token_type: "default", secret: "" };
    expect(differing(is, { ttl: "1m", policies: "b", secret: "s" }, ["secret"])).toEqual({
      from: { policies: ["a"] },
      to: { policies: "b" },
    });
    expect(differing(is, { ttl: "1m", secret: "s" }, ["secret"])).toBeUndefined();
    expect(differing(undefined, { a: 1 })).toEqual({ from: undefined, to: { a: 1 } });
  });
});
