import fc from "fast-check";
import { describe, expect, test } from "vitest";

import { BomaError } from "../errors.ts";
import { NESTING_DEPTH_MAX } from "../limits.ts";
import { parseTarget } from "./parse.ts";

function errorOf(source: string): BomaError {
  try {
    parseTarget(source);
  } catch (thrown) {
    if (thrown instanceof BomaError) return thrown;
    throw thrown;
  }
  throw new Error(`${source} was read without an error`);
}

function outcome(source: string): string {
  try {
    parseTarget(source);
    return "a target";
  } catch (thrown) {
    if (thrown instanceof BomaError) return `${thrown.code}: ${thrown.message}`;
    throw thrown;
  }
}

describe("hostile sources", () => {
  test.each([
    ["10,000 parentheses", "(".repeat(10_000)],
    ["2,000 parentheses, closed", `${"(".repeat(2000)}a${")".repeat(2000)}`],
    ["1,000 times not", `${"not ".repeat(1000)}a`],
    ["too many terms", Array.from({ length: 257 }, () => "a").join(" or ")],
    ["a long pattern", `os:${"a".repeat(600)}`],
    ["a megabyte", "a".repeat(1_000_000)],
    ["an escape sequence", "os:\u001b[31mred"],
  ])("%s", (_name, source) => {
    const { code, message } = errorOf(source);
    expect(code).toBe("target/syntax");
    expect(message).not.toMatch(/(?!\n)\p{Cc}/u);
    expect(message.length).toBeLessThan(400);
  });

  test("up to the limits all is well", () => {
    const nested = `${"(".repeat(NESTING_DEPTH_MAX)}a${")".repeat(NESTING_DEPTH_MAX)}`;
    expect(parseTarget(nested)).toEqual({ kind: "id-glob", pattern: "a" });
    expect(parseTarget(Array.from({ length: 256 }, () => "a").join(" or "))).toHaveProperty(
      "targets.length",
      256,
    );
    const ids = Array.from({ length: 500 }, (_, i) => `n${i}`);
    expect(parseTarget(`L@${ids.join(",")}`)).toEqual({ kind: "id-list", ids });
  });

  test("whatever the source, there is a target or a syntax error", () => {
    const unit = fc.constantFrom(
      ..."ab:*()[]\"' @|GPELSIJN=<>!&,./\\\u0007é\ud83d\n".split(""),
      " and ",
      " or ",
      " not ",
      "(?",
    );
    fc.assert(
      fc.property(
        fc.oneof(fc.string({ unit, maxLength: 30 }), fc.string({ unit: "binary", maxLength: 20 })),
        (source) => {
          expect(outcome(source)).toMatch(/^(?:a target|target\/syntax: [^\n]+\n {2}[^\n]*\n {2} *\^)$/u);
        },
      ),
      { numRuns: 5000 },
    );
  });

  test("a line break inside quotes stays inside its one line of the message", () => {
    expect(outcome("'\n'")).toBe("target/syntax: ` ` cannot be in a node id\n  '\n   ^");
  });
});
