/** Small readings of text that both sides and the command lines share. */
import { BomaError } from "./errors.ts";
import type { GrainValue, Grains } from "./grains.ts";

const CONTROL =
  // oxlint-disable-next-line no-control-regex -- control characters are what is looked for.
  /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g;

/** Text from elsewhere, made safe for a terminal: control characters and direction marks are shown, not obeyed. */
export const escapeControl = (text: string): string =>
  text.replace(CONTROL, (char) => `\\x${char.charCodeAt(0).toString(16).padStart(2, "0")}`);

/** The same for text that must stay on one line. */
export const escapeLine = (text: string): string =>
  escapeControl(text).replace(/\n/g, "\\n").replace(/\t/g, "\\t");

/** Splits a text into words as a shell would: quotes and backslashes, and nothing else of a shell. */
export function splitWords(text: string): string[] {
  const words: string[] = [];
  const pattern = /\s+|"((?:[^"\\]|\\.)*)"|'([^']*)'|\\(.)|([^\s"'\\]+)/gsy;
  let word: string | undefined;
  while (pattern.lastIndex < text.length) {
    const at = pattern.lastIndex;
    const found = pattern.exec(text);
    if (!found)
      throw new BomaError("function/arguments", `a quote is not closed in: ${text.slice(at, at + 40)}`);
    const [, double, single, escaped, plain] = found;
    const part = double?.replace(/\\(["\\$`])/g, "$1") ?? single ?? escaped ?? plain;
    if (part !== undefined) word = (word ?? "") + part;
    else if (word !== undefined) {
      words.push(word);
      word = undefined;
    }
  }
  if (word !== undefined) words.push(word);
  return words;
}

const UNITS = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;

/** `250ms`, `30s`, `10m`, `2h`, `1d`; a bare number is seconds. */
export function parseDuration(text: string): number {
  const [, number, unit = "s"] = /^(\d+(?:\.\d+)?)(ms|s|m|h|d)?$/.exec(text.trim()) ?? [];
  const ms = Math.round(Number(number) * UNITS[unit as keyof typeof UNITS]);
  if (Number.isSafeInteger(ms)) return ms;
  throw new BomaError("usage/argument", `${JSON.stringify(text.slice(0, 80))} is not a duration`, {
    hint: "Write 250ms, 30s, 10m, 2h or 1d.",
  });
}

/** The name that was probably meant, where one is near enough to be worth saying. */
export function closest(name: string, names: Iterable<string>): string | undefined {
  let best: string | undefined;
  let least = Math.max(1, Math.floor(name.length / 3)) + 1;
  for (const candidate of names) {
    const distance = editDistance(name.slice(0, 64), candidate.slice(0, 64));
    if (distance < least) [best, least] = [candidate, distance];
  }
  return best;
}

function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++)
      next[j] = Math.min(row[j]! + 1, next[j - 1]! + 1, row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1));
    row = next;
  }
  return row[b.length]!;
}

/** Follows a path such as `interfaces:eth0:mac` through grains. */
export function readGrain(grains: Grains, path: string): GrainValue | undefined {
  let value: GrainValue | undefined = grains;
  for (const key of path.split(":")) {
    if (typeof value !== "object" || value === null || !Object.hasOwn(value, key)) return undefined;
    if (Array.isArray(value) && key === "length") return undefined;
    value = (value as Record<string, GrainValue>)[key];
  }
  return value;
}
