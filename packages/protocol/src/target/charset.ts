/** Sets of code points for regular expressions: sorted or not, as ranges with both ends in them. */
export type Ranges = readonly (readonly [number, number])[];

export interface Charset {
  readonly negated: boolean;
  readonly ranges: Ranges;
}

const LAST_POINT = 0x10ffff;

/** Digits and word characters are ASCII's, as names of machines are. */
const DIGIT: Ranges = [[0x30, 0x39]];
const WORD: Ranges = [
  [0x30, 0x39],
  [0x41, 0x5a],
  [0x5f, 0x5f],
  [0x61, 0x7a],
];
const SPACE: Ranges = [
  [0x09, 0x0d],
  [0x20, 0x20],
  [0xa0, 0xa0],
  [0x1680, 0x1680],
  [0x2000, 0x200a],
  [0x2028, 0x2029],
  [0x202f, 0x202f],
  [0x205f, 0x205f],
  [0x3000, 0x3000],
  [0xfeff, 0xfeff],
];

/** Everything outside of sorted ranges. */
function outside(ranges: Ranges): Ranges {
  const result: [number, number][] = [];
  let next = 0;
  for (const [low, high] of ranges) {
    if (low > next) result.push([next, low - 1]);
    next = high + 1;
  }
  result.push([next, LAST_POINT]);
  return result;
}

const named: ReadonlyMap<string, Ranges> = new Map([
  ["d", DIGIT],
  ["D", outside(DIGIT)],
  ["w", WORD],
  ["W", outside(WORD)],
  ["s", SPACE],
  ["S", outside(SPACE)],
]);

/** The ranges of `\d`, `\w`, `\s` and their opposites. */
export const namedRanges = (letter: string): Ranges | undefined => named.get(letter);

export const anyButNewline: Charset = { negated: true, ranges: [[0x0a, 0x0a]] };
export const just = (point: number): Charset => ({ negated: false, ranges: [[point, point]] });

function within(ranges: Ranges, point: number): boolean {
  for (const [low, high] of ranges) if (low <= point && point <= high) return true;
  return false;
}

export const isWordPoint = (point: number): boolean => within(WORD, point);

/** A code point with its other spellings; where case matters all three are the same. */
export interface Spellings {
  readonly point: number;
  readonly lower: number;
  readonly upper: number;
}

export function spellings(point: number): Spellings {
  if (point < 0x80) {
    const isUpper = point >= 0x41 && point <= 0x5a;
    const isLower = point >= 0x61 && point <= 0x7a;
    return { point, lower: isUpper ? point + 32 : point, upper: isLower ? point - 32 : point };
  }
  const char = String.fromCodePoint(point);
  return { point, lower: single(char.toLowerCase(), point), upper: single(char.toUpperCase(), point) };
}

/** A letter whose other case takes several letters has no other case here: `ß`. */
function single(text: string, otherwise: number): number {
  const point = text.codePointAt(0)!;
  return text.length === (point > 0xffff ? 2 : 1) ? point : otherwise;
}

export function holds(set: Charset, { point, lower, upper }: Spellings): boolean {
  const inside =
    within(set.ranges, point) ||
    (lower !== point && within(set.ranges, lower)) ||
    (upper !== point && within(set.ranges, upper));
  return inside !== set.negated;
}
