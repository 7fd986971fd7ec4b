import type { Pattern } from "./pattern.ts";

interface GlobClass {
  readonly negated: boolean;
  readonly ranges: readonly (readonly [number, number])[];
}
/** A code point stands for itself. */
type Item = number | "one" | "many" | GlobClass;

/**
 * A glob as Python's fnmatch reads it, which is what Salt's users know: `*`, `?`,
 * `[a-c]`, `[!x]`, no escapes, and a `[` that is never closed stands for itself.
 * At worst it takes the length of the pattern times the length of the text.
 */
export function compileGlob(pattern: string, ignoreCase = false): Pattern {
  const wanted = ignoreCase ? pattern.toLowerCase() : pattern;
  const items = readGlob(wanted);
  const test = quickTest(wanted, items) ?? ((text: string) => walk(items, text));
  return {
    matches: ignoreCase ? (text) => test(text.toLowerCase()) : test,
    any: items.length > 0 && items.every((item) => item === "many"),
  };
}

/** Most patterns are plain text or end in one star, and need no walk. */
function quickTest(pattern: string, items: readonly Item[]): ((text: string) => boolean) | undefined {
  if (items.every((item) => typeof item === "number")) return (text) => text === pattern;
  if (items.at(-1) !== "many" || !items.slice(0, -1).every((item) => typeof item === "number"))
    return undefined;
  const start = pattern.replace(/\*+$/u, "");
  return (text) => text.startsWith(start);
}

function readGlob(pattern: string): Item[] {
  const points = codePoints(pattern);
  const items: Item[] = [];
  for (let at = 0; at < points.length; at++) {
    const point = points[at]!;
    if (point === STAR) {
      if (items.at(-1) !== "many") items.push("many");
    } else if (point === QUESTION) items.push("one");
    else if (point === OPEN) {
      const close = classEnd(points, at);
      items.push(close === -1 ? point : readClass(points.slice(at + 1, close)));
      if (close !== -1) at = close;
    } else items.push(point);
  }
  return items;
}

const [STAR, QUESTION, OPEN, CLOSE, NOT, DASH] = [0x2a, 0x3f, 0x5b, 0x5d, 0x21, 0x2d];

/** Where the class that opens at `open` closes. A `]` that comes first in it is a member, not its end. */
function classEnd(points: readonly number[], open: number): number {
  let at = open + 1;
  if (points[at] === NOT) at++;
  if (points[at] === CLOSE) at++;
  return points.indexOf(CLOSE, at);
}

function readClass(members: readonly number[]): GlobClass {
  const negated = members[0] === NOT;
  const ranges: [number, number][] = [];
  for (let at = negated ? 1 : 0; at < members.length; at++) {
    const low = members[at]!;
    const high = members[at + 2];
    if (members[at + 1] === DASH && high !== undefined) {
      ranges.push([low, high]);
      at += 2;
    } else ranges.push([low, low]);
  }
  return { negated, ranges };
}

/** Only the last star is ever tried again, since what an earlier one could give, a later one can too. */
function walk(items: readonly Item[], text: string): boolean {
  const points = codePoints(text);
  let item = 0;
  let at = 0;
  let star = -1;
  let starAt = 0;
  while (at < points.length) {
    if (items[item] === "many") {
      star = item++;
      starAt = at;
    } else if (item < items.length && fits(items[item]!, points[at]!)) {
      item++;
      at++;
    } else if (star >= 0) {
      item = star + 1;
      at = ++starAt;
    } else return false;
  }
  while (items[item] === "many") item++;
  return item === items.length;
}

function fits(item: Item, point: number): boolean {
  if (typeof item === "number") return item === point;
  if (typeof item === "string") return true;
  return item.ranges.some(([low, high]) => low <= point && point <= high) !== item.negated;
}

const codePoints = (text: string): number[] => Array.from(text, (char) => char.codePointAt(0)!);
