// Goal: a fingerprint read aloud is the one on the screen: its words and its code say the same, and nothing that is close to it does.
import fc from "fast-check";
import { expect, test } from "vitest";

import { fingerprintWords, readFingerprint } from "./fingerprint-words.ts";
import { crockford } from "./ids.ts";

const printOf = (bytes: Uint8Array) => crockford(bytes).replace(/(.{4})(?=.)/g, "$1-");
const prints = fc.uint8Array({ minLength: 10, maxLength: 10 }).map(printOf);

test("five words of a consonant and a vowel by turns hold all 80 bits: every fingerprint comes back from its words", () => {
  fc.assert(
    fc.property(prints, (print) => {
      const words = fingerprintWords(print);
      expect(words).toMatch(
        /^[^aeiou ][aiou][^aeiou ][aiou][^aeiou ]( [^aeiou ][aiou][^aeiou ][aiou][^aeiou ]){4}$/,
      );
      expect(readFingerprint(words)).toBe(print);
      expect(readFingerprint(print)).toBe(print);
    }),
  );
});

test("words are sixteen bits each, in the order of the bytes", () => {
  const bytes = new Uint8Array([127, 0, 0, 1, 63, 84, 220, 193, 255, 255]);
  expect(fingerprintWords(printOf(bytes))).toBe("lusab babad gutih tugad zuzuz");
});

test("capitals, dashes and spaces are as good as none", () => {
  const print = printOf(new Uint8Array([127, 0, 0, 1, 63, 84, 220, 193, 0, 0]));
  for (const typed of [
    "LUSAB-BABAD-GUTIH-TUGAD-BABAB",
    "lusabbabadgutihtugadbabab",
    " lusab  babad gutih tugad babab ",
  ])
    expect(readFingerprint(typed), typed).toBe(print);
  expect(readFingerprint(print.toLowerCase().replaceAll("-", " "))).toBe(print);
});

test("what is no fingerprint is read as none", () => {
  for (const typed of [
    "",
    "lusab babad gutih tugad",
    "lusab babad gutih tugad babae",
    "7QK2-M0XR-9D3E",
    "UUUU-UUUU-UUUU-UUUU",
  ])
    expect(readFingerprint(typed), typed).toBeUndefined();
});
