/**
 * A fingerprint as words to be read aloud: of five letters each, a consonant and a
 * vowel by turns, sixteen bits a word. They need no list, which two people would
 * have to have in the same edition, and no letter that another one sounds like.
 */
import { CROCKFORD } from "./ids.ts";

const CONSONANTS = "bdfghjklmnprstvz";
const VOWELS = "aiou";
/** How many bits each letter of a word carries. */
const LETTERS = [
  { of: CONSONANTS, bits: 4 },
  { of: VOWELS, bits: 2 },
  { of: CONSONANTS, bits: 4 },
  { of: VOWELS, bits: 2 },
  { of: CONSONANTS, bits: 4 },
] as const;
const WORD_BITS = 16n;
const WORDS = 5;
const CODE_CHARACTERS = 16;
const CODE = new RegExp(`^[${CROCKFORD}]{${CODE_CHARACTERS}}$`);
const CODE_BITS = 5n;

/** The five words of a fingerprint such as `7QK2-M0XR-9D3E-TTFA`; it holds as many bits as they do. */
export function fingerprintWords(print: string): string {
  let value = 0n;
  for (const character of plain(print)) value = (value << CODE_BITS) | BigInt(CROCKFORD.indexOf(character));
  const words: string[] = [];
  for (let at = WORDS - 1; at >= 0; at--)
    words.push(wordOf(Number((value >> (BigInt(at) * WORD_BITS)) & 0xffffn)));
  return words.join(" ");
}

/** What somebody typed or read aloud, as a fingerprint; `undefined` where it is neither its code nor its words. */
export function readFingerprint(text: string): string | undefined {
  const code = plain(text);
  if (CODE.test(code)) return printed(code);
  const letters = text.toLowerCase().replace(/[^a-z]/g, "");
  if (letters.length !== WORDS * LETTERS.length) return undefined;
  let value = 0n;
  for (let at = 0; at < letters.length; at += LETTERS.length) {
    const word = readWord(letters.slice(at, at + LETTERS.length));
    if (word === undefined) return undefined;
    value = (value << WORD_BITS) | BigInt(word);
  }
  return printed(codeOf(value));
}

const plain = (text: string): string => text.toUpperCase().replace(/[^0-9A-Z]/g, "");
const printed = (code: string): string => code.replace(/(.{4})(?=.)/g, "$1-");

function wordOf(value: number): string {
  let left = Number(WORD_BITS);
  return LETTERS.map(({ of, bits }) => {
    left -= bits;
    return of[(value >> left) & ((1 << bits) - 1)];
  }).join("");
}

function readWord(word: string): number | undefined {
  let value = 0;
  for (const [at, { of, bits }] of LETTERS.entries()) {
    const found = of.indexOf(word[at]!);
    if (found < 0) return undefined;
    value = (value << bits) | found;
  }
  return value;
}

function codeOf(value: bigint): string {
  let code = "";
  for (let at = CODE_CHARACTERS - 1; at >= 0; at--)
    code += CROCKFORD[Number((value >> (BigInt(at) * CODE_BITS)) & 31n)];
  return code;
}
