import fc from "fast-check";
import { describe, expect, test } from "vitest";

import { Fault } from "./fault.ts";
import { compileRegex } from "./regex.ts";

const { regex: patterns } = fc.letrec<{ regex: string; sequence: string; piece: string; atom: string }>(
  (tie) => ({
    regex: fc.array(tie("sequence"), { minLength: 1, maxLength: 3 }).map((parts) => parts.join("|")),
    sequence: fc.array(tie("piece"), { maxLength: 3 }).map((parts) => parts.join("")),
    piece: fc.oneof(
      { weight: 4, arbitrary: tie("atom") },
      { weight: 1, arbitrary: fc.constantFrom("^", "$", "\\b", "\\B") },
      {
        weight: 3,
        arbitrary: fc
          .tuple(
            tie("atom"),
            fc.constantFrom("*", "+", "?", "{2}", "{0,2}", "{1,}", "{0}"),
            fc.constantFrom("", "?"),
          )
          .map((parts) => parts.join("")),
      },
    ),
    atom: fc.oneof(
      { maxDepth: 2, withCrossShrink: true },
      fc.constantFrom(
        "a",
        "b",
        "B",
        "_",
        "1",
        " ",
        ".",
        "\\d",
        "\\w",
        "\\s",
        "\\D",
        "\\W",
        "\\S",
        "\\.",
        "\\x61",
        "\\u0062",
      ),
      fc.constantFrom("[ab]", "[^a]", "[a-c1]", "[\\d_]", "[^\\w]", "[a\\-c]", "[\\S]", "[^\\s.]", "[A-B-]"),
      tie("regex").map((inner) => `(${inner})`),
      tie("regex").map((inner) => `(?:${inner})`),
    ),
  }),
);
// JavaScript's engine tracks back: on a long text, quantifiers within quantifiers would keep it busy for minutes.
const mild = patterns.filter((pattern) => (pattern.match(/[*+{|]|[^(]\?/g) ?? []).length <= 6);
const texts = fc.string({
  unit: fc.constantFrom("a", "b", "B", "A", "c", "1", "_", " ", "."),
  maxLength: 6,
});

test("a pattern fits what JavaScript's own engine fits from the start of the text", () => {
  fc.assert(
    fc.property(mild, texts, fc.boolean(), (pattern, text, ignoreCase) => {
      const own = new RegExp(`^(?:${pattern})`, ignoreCase ? "i" : "");
      expect(compileRegex(pattern, ignoreCase).matches(text)).toBe(own.test(text));
    }),
    { numRuns: 5000 },
  );
});

describe("the semantics of Salt's re.match", () => {
  test.each([
    ["web", "web-01", true],
    ["eb", "web-01", false],
    ["web-\\d+$", "web-01", true],
    ["web-\\d$", "web-01", false],
    ["a|b", "bcd", true],
    ["", "anything", true],
    ["[]x]+$", "]x", true],
    ["[^]x]+$", "ab", true],
    ["[^^]$", "^", false],
    ["a{,2}$", "aa", true],
    ["a{x}$", "a{x}", true],
    ["(?P<year>\\d{4})-", "2026-11", true],
    ["(?i)WEB", "web", true],
    ["WEB", "web", false],
    ["\\Aa\\Z", "a", true],
    [".$", "😀", true],
    [".", "\n", false],
    ["\\tx\\/", "\tx/", true],
    ["[\\x41-\\x43]$", "B", true],
  ])("%s on %j is %s", (pattern, text, fits) => {
    expect(compileRegex(pattern).matches(text)).toBe(fits);
  });

  test("without case, classes keep their meaning: \\S is not \\s", () => {
    expect(compileRegex("^\\S+$", true).matches("AB12")).toBe(true);
    expect(compileRegex("^\\D+$", true).matches("12")).toBe(false);
    expect(compileRegex("^[^a]$", true).matches("A")).toBe(false);
    expect(compileRegex("é", true).matches("É")).toBe(true);
  });
});

describe("a pattern that would blow up elsewhere", () => {
  test.each([
    ["(a+)+$", false],
    ["(a*)*$", false],
    ["(a|aa)+$", false],
    ["(.*)*x", false],
    ["(a?){300}a{300}", true],
    ["(()*)*$", false],
    ["a*a*a*a*a*a*a*a*$", false],
  ])("%s comes to an end on 10,000 characters", (pattern, fits) => {
    expect(compileRegex(pattern).matches(`${"a".repeat(10_000)}!`)).toBe(fits);
  });

  test("can be used again after a run that ended early", () => {
    const pattern = compileRegex("a(b|c)*d");
    expect([pattern.matches("abcd"), pattern.matches("abc"), pattern.matches("ad")]).toEqual([
      true,
      false,
      true,
    ]);
  });
});

function faultOf(pattern: string): string {
  try {
    compileRegex(pattern);
  } catch (thrown) {
    if (thrown instanceof Fault) return `${thrown.at}: ${thrown.message}`;
    throw thrown;
  }
  return "no fault";
}

test("what is not supported is named, with its place", () => {
  const refused = [
    "ab(?=c)",
    "a(?!b)",
    "(?<=a)b",
    "(?<!a)b",
    "(?>a)",
    "(?(1)a)",
    "(a)\\1",
    "\\k<a>",
    "(?P=a)",
    "(?R)",
    "a++",
    "a*+",
    "a**",
    "*a",
    "^*",
    "a|+",
    "(a",
    "a)",
    "[a",
    "[b-a]",
    "[a-\\d]",
    "\\",
    "\\y",
    "\\x4",
    "\\u12",
    "\\p{L}",
    "a(?i)b",
    "(?s)a",
    "(?i:a)",
    "(?#x)",
    "a{3,2}",
    "a{1001}",
    "(?<1>a)",
  ];
  expect(refused.map((pattern) => `${pattern} → ${faultOf(pattern)}`)).toMatchInlineSnapshot(`
    [
      "ab(?=c) → 2: look-ahead is not supported: patterns must run in linear time",
      "a(?!b) → 1: look-ahead is not supported: patterns must run in linear time",
      "(?<=a)b → 0: look-behind is not supported: patterns must run in linear time",
      "(?<!a)b → 0: look-behind is not supported: patterns must run in linear time",
      "(?>a) → 0: an atomic group is not supported: patterns must run in linear time",
      "(?(1)a) → 0: a conditional is not supported: patterns must run in linear time",
      "(a)\\1 → 3: a back-reference is not supported: patterns must run in linear time",
      "\\k<a> → 0: a back-reference is not supported: patterns must run in linear time",
      "(?P=a) → 0: a back-reference is not supported: patterns must run in linear time",
      "(?R) → 0: recursion is not supported: patterns must run in linear time",
      "a++ → 2: a possessive repeat is not supported: patterns must run in linear time",
      "a*+ → 2: a possessive repeat is not supported: patterns must run in linear time",
      "a** → 2: there is nothing to repeat before this",
      "*a → 0: there is nothing to repeat before this",
      "^* → 1: there is nothing to repeat before this",
      "a|+ → 2: there is nothing to repeat before this",
      "(a → 0: this \`(\` is never closed",
      "a) → 1: this \`)\` closes nothing",
      "[a → 0: this \`[\` is never closed",
      "[b-a] → 1: the range is the wrong way round",
      "[a-\\d] → 1: a range goes from one character to another",
      "\\ → 0: a character must follow this \`\\\`",
      "\\y → 0: the escape \`\\y\` is not known",
      "\\x4 → 0: 2 hexadecimal digits must follow \`\\x\`",
      "\\u12 → 0: 4 hexadecimal digits must follow \`\\u\`",
      "\\p{L} → 0: Unicode properties are not supported",
      "a(?i)b → 1: \`(?i)\` belongs at the start of the pattern",
      "(?s)a → 0: the flags \`(?s)\` are not supported",
      "(?i:a) → 0: the flags \`(?i:\` are not supported",
      "(?#x) → 0: this kind of group is not known",
      "a{3,2} → 1: the smaller count comes first",
      "a{1001} → 1: a pattern repeats at most 1000 times",
      "(?<1>a) → 0: this kind of group is not known",
    ]
  `);
});

test("repeats that multiply are refused before they are written out", () => {
  for (const pattern of [
    "((a{100}){100}){100}",
    "(((){1000}){1000}){1000}",
    "(a{0,500}){0,3}",
    "a".repeat(513),
  ]) {
    expect(faultOf(pattern)).toMatch(/too large|at most 512/);
  }
  expect(compileRegex("a{999}").matches("a".repeat(999))).toBe(true);
});

test("groups nested as deep as a pattern is long do not overflow", () => {
  expect(compileRegex(`${"(".repeat(255)}a${")".repeat(255)}`).matches("a")).toBe(true);
});

test("whatever the pattern, there is an answer or a fault", () => {
  fc.assert(
    fc.property(
      fc.string({ unit: fc.constantFrom(..."ab()[]{}*+?|\\^$.-,:=!<>1dwPiR".split("")), maxLength: 20 }),
      texts,
      (pattern, text) => {
        expect(() => {
          try {
            compileRegex(pattern).matches(text);
          } catch (thrown) {
            if (!(thrown instanceof Fault)) throw thrown;
            if (thrown.at < 0 || thrown.at > pattern.length)
              throw new Error("a fault outside of the pattern", { cause: thrown });
          }
        }).not.toThrow();
      },
    ),
    { numRuns: 5000 },
  );
});
