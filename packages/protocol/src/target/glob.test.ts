import fc from "fast-check";
import { describe, expect, test } from "vitest";

import { compileGlob } from "./glob.ts";

const escaped = (char: string): string => char.replace(/\W/, "\\$&");

/** The same glob as a regular expression, written apart from the code it judges. */
function reference(glob: string): RegExp {
  let out = "";
  for (let i = 0; i < glob.length; i++) {
    const char = glob[i]!;
    if (char === "*") out += "[^]*";
    else if (char === "?") out += "[^]";
    else if (char === "[") {
      const found = /^\[(!|(?!!))((?:\]|(?!\]))[^\]]*)\]/.exec(glob.slice(i));
      if (found === null) out += "\\[";
      else {
        i += found[0].length - 1;
        // A range that is the wrong way round holds nothing; a dash that is left over is itself, whatever stands beside it then.
        const body = found[2]!.replace(/([^])-([^])|([^])/g, (_, from?: string, to = "", one = "") => {
          if (from === undefined) return escaped(one);
          return from > to ? "" : `${escaped(from)}-${escaped(to)}`;
        });
        out += `[${found[1] ? "^" : ""}${body}]`;
      }
    } else out += char.replace(/[.+^${}()|\\\]]/g, "\\$&");
  }
  return new RegExp(`^${out}$`);
}

const globs = fc.string({
  unit: fc.constantFrom("a", "b", "c", "-", "*", "?", "[", "]", "!", "."),
  maxLength: 12,
});
const texts = fc.string({ unit: fc.constantFrom("a", "b", "c", "-", ".", "]", "[", "!"), maxLength: 12 });

test("a glob fits what the same pattern as a regular expression fits", () => {
  fc.assert(
    fc.property(globs, texts, (glob, text) => {
      expect(compileGlob(glob).matches(text)).toBe(reference(glob).test(text));
    }),
    { numRuns: 5000, examples: [["[aa-*-[]", ""]] },
  );
});

test("a glob made from a text by blanking parts of it out fits that text", () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(texts, fc.constantFrom("*", "?", "keep")), { maxLength: 6 }), (pieces) => {
      const text = pieces.map(([piece, how]) => (how === "?" ? "x" : piece)).join("");
      const glob = pieces.map(([piece, how]) => (how === "keep" ? piece.replaceAll("[", "?") : how)).join("");
      expect(compileGlob(glob).matches(text)).toBe(true);
    }),
  );
});

describe("fnmatch's corners", () => {
  test.each([
    ["web-[0-9]", "web-7", true],
    ["web-[!0-9]", "web-7", false],
    ["web-[!0-9]", "web-x", true],
    ["a[]]b", "a]b", true],
    ["a[!]]b", "a]b", false],
    ["a[b", "a[b", true],
    ["[a-]", "-", true],
    ["", "", true],
    ["*", "", true],
    ["?", "", false],
    ["web**", "web-01", true],
    ["?", "😀", true],
    ["a.b", "axb", false],
    ["WEB", "web", false],
  ])("%s on %s is %s", (glob, text, fits) => {
    expect(compileGlob(glob).matches(text)).toBe(fits);
  });

  test("without case both sides are lowered", () => {
    expect(compileGlob("DeB*", true).matches("debIAN")).toBe(true);
    expect(compileGlob("[A-C]x", true).matches("bX")).toBe(true);
  });
});

test("many stars on a long text that does not fit come to an end", () => {
  expect(compileGlob(`${"*a".repeat(200)}b`).matches("a".repeat(10_000))).toBe(false);
});
