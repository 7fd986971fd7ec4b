import fc from "fast-check";
import { expect, test } from "vitest";

import { maskOf } from "./mask.ts";

const secret = `s3cr'et $"päss\\w/ö+rd`;

const encodings: Record<string, (text: string) => string> = {
  plain: (text) => text,
  base64: (text) => Buffer.from(text).toString("base64"),
  base64url: (text) => Buffer.from(text).toString("base64url"),
  hex: (text) => Buffer.from(text).toString("hex"),
  HEX: (text) => Buffer.from(text).toString("hex").toUpperCase(),
  percent: encodeURIComponent,
  form: (text) => encodeURIComponent(text).replaceAll("%20", "+"),
  json: (text) => JSON.stringify(text).slice(1, -1),
  shell: (text) => text.replaceAll("'", String.raw`'\''`),
  double: (text) => text.replace(/["$`\\]/g, String.raw`\$&`),
};

test.each(Object.entries(encodings))("a secret is taken out of a text as %s", (_name, encode) => {
  expect(maskOf([secret]).text(`<${encode(secret)}>`)).toBe("<•••>");
});

test("whatever stands before it, nothing of its base64 stays", () => {
  const value = "correct-horse-battery";
  fc.assert(
    fc.property(fc.string({ maxLength: 9 }), fc.string({ maxLength: 9 }), (before, after) => {
      const masked = maskOf([value]).text(Buffer.from(before + value + after).toString("base64"));
      expect(Buffer.from(masked.replaceAll("•••", "AAAA"), "base64").toString()).not.toContain("horse");
    }),
  );
});

test("secrets that overlap leave nothing of either", () => {
  expect(maskOf(["abcd", "cdefgh"]).text("xabcdefghx")).toBe("x•••x");
  expect(maskOf(["abcdef", "abcd"]).text("abcdef abcd")).toBe("••• •••");
});

test("a short secret is masked as a whole value only, and an empty one not at all", () => {
  const mask = maskOf(["abc", ""]);
  expect(mask.text("abcabc")).toBe("abcabc");
  expect(mask.value({ password: "abc", other: "an abc" })).toEqual({ password: "•••", other: "an abc" });
  expect(mask.value(["", 1])).toEqual(["", 1]);
});

test("values are masked however deep, with names and numbers", () => {
  expect(maskOf(["12345"]).value({ "a 12345": [{ b: 12345, c: 1 }] })).toEqual({
    "a •••": [{ b: "•••", c: 1 }],
  });
});

test("one line of a secret of several is a secret too", () => {
  const key = "-----BEGIN KEY-----\nMIIEvQIBADANBg\n-----END KEY-----\n";
  expect(maskOf([key]).text("cannot parse MIIEvQIBADANBg here")).toBe("cannot parse ••• here");
});

test("a short line of a secret is masked where it is a line by itself, and only there", () => {
  const mask = maskOf(["ab1\nlonger-than-that\n"]);
  expect(mask.text("ab1")).toBe("•••");
  expect(mask.text("it said:\n ab1\nend")).toBe("it said:\n•••\nend");
  expect(mask.text("tab1e")).toBe("tab1e");
});

test("a text that was cut out of a longer one keeps nothing of a secret at its ends, nor when it is all secret", () => {
  const value = Array.from({ length: 500 }, (_, n) => `k${n}`).join("-");
  const mask = maskOf([value]);
  for (const encoded of [value, Buffer.from(value).toString("base64")]) {
    const line = `password=${encoded}; done`;
    for (const at of [30, 200, 1000]) {
      expect(mask.text(line.slice(0, at))).toBe("password=•••");
      expect(mask.text(line.slice(at))).toBe("•••; done");
    }
    expect(mask.text(line.slice(500, 700))).toBe("•••");
    expect(mask.text(`${encoded.slice(900)}${encoded.slice(0, 500)}`)).toBe("••••••");
    expect(mask.text(`${encoded.slice(0, 100)}! ${encoded.slice(0, 300)}`)).toMatch(/! •••$/);
  }
});

test("where the middle of an output was left out, the halves of a secret on either side are masked", () => {
  const mask = maskOf(["correct-horse-battery-staple"]);
  expect(mask.text("a correct-horse-b\n… 9 bytes left out …\ntery-staple z")).toBe(
    "a •••\n… 9 bytes left out …\n••• z",
  );
});

test("what only begins like a secret and goes on otherwise is left alone", () => {
  const mask = maskOf(["-----BEGIN PRIVATE KEY-----MIIEvQ"]);
  expect(mask.text("-----BEGIN CERTIFICATE-----")).toBe("-----BEGIN CERTIFICATE-----");
});
