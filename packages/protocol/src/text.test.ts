import fc from "fast-check";
import { describe, expect, test } from "vitest";

import { BomaError } from "./errors.ts";
import type { Grains } from "./grains.ts";
import { closest, escapeControl, escapeLine, parseDuration, readGrain, splitWords } from "./text.ts";

describe("escaping for a terminal", () => {
  test.each([
    ["a colour", "\u001B[31mred", "\\x1b[31mred"],
    ["a title", "\u001B]0;owned\u0007", "\\x1b]0;owned\\x07"],
    ["a C1 sequence", "\u009B31m", "\\x9b31m"],
    ["a return that overwrites the line", "good\rbad", "good\\x0dbad"],
    ["a backspace", "a\bb", "a\\x08b"],
    ["a zero byte", "\0", "\\x00"],
    ["a delete", "\u007F", "\\x7f"],
    ["text turned round", "a\u202Eb\u202C", "a\\x202eb\\x202c"],
    ["an isolate", "\u2066x\u2069", "\\x2066x\\x2069"],
    ["a direction mark", "a\u200Eb\u200Fc\u061Cd", "a\\x200eb\\x200fc\\x61cd"],
    ["a line separator", "a\u2028b\u2029", "a\\x2028b\\x2029"],
  ])("%s is shown, not obeyed", (_, text, shown) => {
    expect(escapeControl(text)).toBe(shown);
  });

  test("leaves words, lines, tabs and every language alone", () => {
    const text = "naïve 日本語 العربية 🎉\n\tnext";
    expect(escapeControl(text)).toBe(text);
    expect(escapeLine(text)).toBe("naïve 日本語 العربية 🎉\\n\\tnext");
  });

  test("whatever comes in, no control character comes out, and a line stays one line", () => {
    const text = fc.string({
      unit: fc.integer({ min: 0, max: 0x2100 }).map((code) => String.fromCharCode(code)),
    });
    fc.assert(
      fc.property(text, (given) => {
        expect(escapeControl(given)).not.toMatch(/(?![\n\t])[\p{Cc}\p{Zl}\p{Zp}\p{Bidi_Control}]/u);
        expect(escapeLine(given)).not.toMatch(/[\p{Cc}\p{Zl}\p{Zp}\p{Bidi_Control}]/u);
      }),
    );
  });
});

describe("splitting words", () => {
  test.each<[string, string[]]>([
    ["", []],
    ["   ", []],
    ["uname -a", ["uname", "-a"]],
    ["  a\t b\n c  ", ["a", "b", "c"]],
    ["'a b' c", ["a b", "c"]],
    ['"a b" c', ["a b", "c"]],
    ["a'b c'd", ["ab cd"]],
    [`a"b"'c'd`, ["abcd"]],
    ["''", [""]],
    ['a "" b', ["a", "", "b"]],
    ["a\\ b", ["a b"]],
    ["\\'", ["'"]],
    ['"say \\"hi\\""', ['say "hi"']],
    ['"a\\nb"', ["a\\nb"]],
    ["'a\\b'", ["a\\b"]],
    ['"\\$HOME \\\\ \\`"', ["$HOME \\ `"]],
    ["$HOME *.txt | sort > x", ["$HOME", "*.txt", "|", "sort", ">", "x"]],
    ["'a\nb'", ["a\nb"]],
  ])("%j gives %j", (text, words) => {
    expect(splitWords(text)).toEqual(words);
  });

  test.each(["'", '"', "a 'b", 'a "b', '"a\\"', "a\\"])("%j is not closed, and says so", (text) => {
    expect(() => splitWords(text)).toThrow(expect.objectContaining({ code: "function/arguments" }));
  });

  const word = fc.string({ unit: "binary" });
  const single = (text: string) => `'${text.replaceAll("'", `'\\''`)}'`;
  const double = (text: string) => `"${text.replaceAll(/["\\$`]/g, "\\$&")}"`;

  test("whatever is quoted comes back whole", () => {
    const quoted = fc.array(fc.tuple(word, fc.constantFrom(single, double)));
    fc.assert(
      fc.property(quoted, fc.constantFrom(" ", "\n", "  \t"), (parts, between) => {
        const text = parts.map(([part, quote]) => quote(part)).join(between);
        expect(splitWords(text)).toEqual(parts.map(([part]) => part));
      }),
    );
  });

  test("words without quotes are what white space separates", () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        fc.pre(!/["'\\]/.test(text));
        expect(splitWords(text)).toEqual(text.split(/\s+/).filter((part) => part !== ""));
      }),
    );
  });

  test("a megabyte in one pair of quotes is split or refused, and nothing else", () => {
    const long = 'x\\"'.repeat(300_000);
    expect(splitWords(`"${long}"`)[0]).toHaveLength(600_000);
    expect(() => splitWords(`"${long}`)).toThrow(BomaError);
  });
});

describe("durations", () => {
  test.each([
    ["250ms", 250],
    ["30s", 30_000],
    ["10m", 600_000],
    ["2h", 7_200_000],
    ["1d", 86_400_000],
    ["5", 5_000],
    ["1.5s", 1_500],
    ["0", 0],
    [" 1m ", 60_000],
    ["0.0004s", 0],
  ])("%j is %d ms", (text, ms) => {
    expect(parseDuration(text)).toBe(ms);
  });

  test.each([
    "",
    "s",
    "-1s",
    "1 s",
    "1w",
    "1S",
    "1e3",
    "1.s",
    ".5s",
    "1s1s",
    "NaN",
    "Infinity",
    "9".repeat(400),
    "9".repeat(20),
  ])("%.12j is none", (text) => {
    expect(() => parseDuration(text)).toThrow(
      expect.objectContaining({ code: "usage/argument", hint: "Write 250ms, 30s, 10m, 2h or 1d." }),
    );
  });
});

describe("the closest name", () => {
  const names = ["test.ping", "test.echo", "cmd.run", "grains.items"];

  test.each([
    ["test.pign", "test.ping"],
    ["tset.echo", "test.echo"],
    ["cmd.rn", "cmd.run"],
    ["grain.items", "grains.items"],
    ["cmd.run", "cmd.run"],
  ])("to %s is %s", (typed, meant) => {
    expect(closest(typed, names)).toBe(meant);
  });

  test("is none where nothing is near, and the first where two are as near", () => {
    expect(closest("state.apply", names)).toBeUndefined();
    expect(closest("", names)).toBeUndefined();
    expect(closest("x", [])).toBeUndefined();
    expect(closest("b", ["a", "c"])).toBe("a");
  });

  test("of very long names is found from their beginnings", () => {
    expect(closest("a".repeat(100_000), ["a".repeat(64), "b"])).toBe("a".repeat(64));
  });
});

describe("reading a grain by its path", () => {
  const grains: Grains = {
    os: "Debian",
    zero: 0,
    none: null,
    interfaces: { eth0: { mac: "aa:bb", up: false } },
    disks: ["sda", { name: "sdb" }],
    "": { "": "odd" },
  };

  test.each<[string, unknown]>([
    ["os", "Debian"],
    ["zero", 0],
    ["none", null],
    ["interfaces:eth0:mac", "aa:bb"],
    ["interfaces:eth0:up", false],
    ["interfaces:eth0", { mac: "aa:bb", up: false }],
    ["disks:1:name", "sdb"],
    [":", "odd"],
  ])("%s is there", (path, value) => {
    expect(readGrain(grains, path)).toEqual(value);
  });

  test.each([
    "nothing",
    "os:length",
    "os:0",
    "none:x",
    "interfaces:eth1:mac",
    "disks:9",
    "disks:length",
    "__proto__",
    "constructor:name",
    "interfaces:__proto__:toString",
    "disks:__proto__:push",
    "toString",
  ])("%s is not", (path) => {
    expect(readGrain(grains, path)).toBeUndefined();
  });

  test("a grain that is itself called __proto__ is read as any other", () => {
    expect(readGrain(JSON.parse('{"__proto__": {"a": 1}}') as Grains, "__proto__:a")).toBe(1);
  });
});
