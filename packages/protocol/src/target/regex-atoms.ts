import { type Charset, namedRanges, type Ranges } from "./charset.ts";
import { Fault } from "./fault.ts";

/** The pattern, and how far it was read. */
export interface Cursor {
  readonly pattern: string;
  at: number;
}

const plainEscapes: ReadonlyMap<string, number> = new Map([
  ["t", 0x09],
  ["n", 0x0a],
  ["v", 0x0b],
  ["f", 0x0c],
  ["r", 0x0d],
]);

/** An escape that stands for characters, in a class or outside. */
export function readEscape(cursor: Cursor): Ranges {
  const { pattern, at } = cursor;
  const point = pattern.codePointAt(at + 1);
  if (point === undefined)
    throw new Fault("a character must follow this `\\`", at, "write `\\\\` for a backslash");
  const char = String.fromCodePoint(point);
  if (char === "x" || char === "u") return readHex(cursor, char === "x" ? 2 : 4);
  cursor.at += 1 + char.length;
  const ranges = namedRanges(char);
  if (ranges !== undefined) return ranges;
  if (char === "p" || char === "P")
    throw new Fault("Unicode properties are not supported", at, "list the ranges: `[a-z]`");
  const plain = plainEscapes.get(char);
  if (plain === undefined && /[A-Za-z0-9]/.test(char)) {
    throw new Fault(
      `the escape \`\\${char}\` is not known`,
      at,
      "known are \\d \\w \\s \\D \\W \\S \\b \\B \\t \\n \\xHH \\uHHHH",
    );
  }
  return [[plain ?? point, plain ?? point]];
}

function readHex(cursor: Cursor, digits: number): Ranges {
  const hex = cursor.pattern.slice(cursor.at + 2, cursor.at + 2 + digits);
  if (hex.length < digits || /[^0-9A-Fa-f]/.test(hex)) {
    throw new Fault(
      `${digits} hexadecimal digits must follow \`${cursor.pattern.slice(cursor.at, cursor.at + 2)}\``,
      cursor.at,
    );
  }
  cursor.at += 2 + digits;
  const point = Number.parseInt(hex, 16);
  return [[point, point]];
}

/** `[a-z_]`, `[^…]`; as in Python a `]` that comes first is a member. */
export function readClass(cursor: Cursor): Charset {
  const { pattern, at: open } = cursor;
  const negated = pattern[open + 1] === "^";
  cursor.at += negated ? 2 : 1;
  const first = cursor.at;
  const ranges: (readonly [number, number])[] = [];
  while (cursor.at === first || pattern[cursor.at] !== "]") {
    if (cursor.at >= pattern.length) {
      throw new Fault(
        "this `[` is never closed",
        open,
        "write `\\[` for the character; quote a pattern that holds spaces",
      );
    }
    ranges.push(...readMember(cursor));
  }
  cursor.at++;
  return { negated, ranges };
}

function readMember(cursor: Cursor): Ranges {
  const { pattern, at } = cursor;
  const low = readOne(cursor);
  const isRange = pattern[cursor.at] === "-" && (pattern[cursor.at + 1] ?? "]") !== "]";
  if (!isRange) return low;
  cursor.at++;
  const high = readOne(cursor);
  const [from, to] = [singlePoint(low), singlePoint(high)];
  if (from === undefined || to === undefined)
    throw new Fault("a range goes from one character to another", at);
  if (from > to) throw new Fault("the range is the wrong way round", at);
  return [[from, to]];
}

function readOne(cursor: Cursor): Ranges {
  if (cursor.pattern[cursor.at] === "\\") return readEscape(cursor);
  const point = cursor.pattern.codePointAt(cursor.at)!;
  cursor.at += point > 0xffff ? 2 : 1;
  return [[point, point]];
}

const singlePoint = (ranges: Ranges): number | undefined =>
  ranges.length === 1 && ranges[0]![0] === ranges[0]![1] ? ranges[0]![0] : undefined;
