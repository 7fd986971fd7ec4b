import { anyButNewline, type Charset, just } from "./charset.ts";
import { Fault } from "./fault.ts";
import { type Cursor, readClass, readEscape } from "./regex-atoms.ts";

export type Assertion = "start" | "end" | "boundary" | "no-boundary";

export type RegexNode =
  | { readonly kind: "set"; readonly set: Charset }
  | { readonly kind: "assert"; readonly assertion: Assertion }
  | { readonly kind: "sequence"; readonly parts: readonly RegexNode[] }
  | { readonly kind: "choice"; readonly parts: readonly RegexNode[] }
  | { readonly kind: "repeat"; readonly part: RegexNode; readonly min: number; readonly max: number };

export interface ParsedRegex {
  readonly root: RegexNode;
  readonly ignoreCase: boolean;
}

const LINEAR = "patterns must run in linear time";
const REPEAT_MAX = 1000;

/** Every fault names the place in the pattern, so that the caret can stand under it. */
export function parseRegex(pattern: string): ParsedRegex {
  const ignoreCase = pattern.startsWith("(?i)");
  const cursor: Cursor = { pattern, at: ignoreCase ? 4 : 0 };
  const root = readChoice(cursor);
  if (cursor.at < pattern.length)
    throw new Fault("this `)` closes nothing", cursor.at, "write `\\)` for the character");
  return { root, ignoreCase };
}

function readChoice(cursor: Cursor): RegexNode {
  const parts = [readSequence(cursor)];
  while (cursor.pattern[cursor.at] === "|") {
    cursor.at++;
    parts.push(readSequence(cursor));
  }
  return parts.length === 1 ? parts[0]! : { kind: "choice", parts };
}

function readSequence(cursor: Cursor): RegexNode {
  const parts: RegexNode[] = [];
  while (cursor.at < cursor.pattern.length && !"|)".includes(cursor.pattern[cursor.at]!)) {
    parts.push(readRepeats(cursor));
  }
  return { kind: "sequence", parts };
}

function readRepeats(cursor: Cursor): RegexNode {
  const part = readAtom(cursor);
  const at = cursor.at;
  const bounds = readBounds(cursor);
  if (bounds === undefined) return part;
  if (part.kind === "assert") throw new Fault("there is nothing to repeat before this", at);
  if (bounds.max < bounds.min) throw new Fault("the smaller count comes first", at);
  if (bounds.min > REPEAT_MAX || (bounds.max !== Infinity && bounds.max > REPEAT_MAX)) {
    throw new Fault(`a pattern repeats at most ${REPEAT_MAX} times`, at);
  }
  // Lazy or greedy makes no difference to whether a text fits.
  if (cursor.pattern[cursor.at] === "?") cursor.at++;
  else if (cursor.pattern[cursor.at] === "+") {
    throw new Fault(`a possessive repeat is not supported: ${LINEAR}`, cursor.at, "leave the second `+` out");
  }
  const again = cursor.at;
  if (readBounds(cursor) !== undefined) {
    throw new Fault("there is nothing to repeat before this", again, "group what repeats: `(a*)*`");
  }
  return { kind: "repeat", part, ...bounds };
}

const COUNTS = /\{(?:(\d{1,6})(?:(,)(\d{0,6}))?|,(\d{1,6}))\}/y;

/** `*`, `+`, `?` or `{m,n}`; a brace that holds no counts is a character like any other. */
function readBounds(cursor: Cursor): { min: number; max: number } | undefined {
  const char = cursor.pattern[cursor.at];
  if (char === "*" || char === "+" || char === "?") {
    cursor.at++;
    return { min: char === "+" ? 1 : 0, max: char === "?" ? 1 : Infinity };
  }
  COUNTS.lastIndex = cursor.at;
  const found = char === "{" ? COUNTS.exec(cursor.pattern) : null;
  if (found === null) return undefined;
  cursor.at = COUNTS.lastIndex;
  const [, first, comma, second, only] = found;
  if (only !== undefined) return { min: 0, max: Number(only) };
  const min = Number(first);
  if (comma === undefined) return { min, max: min };
  return { min, max: second === "" ? Infinity : Number(second) };
}

function readAtom(cursor: Cursor): RegexNode {
  const at = cursor.at;
  const point = cursor.pattern.codePointAt(at)!;
  const char = String.fromCodePoint(point);
  if (readBounds(cursor) !== undefined) {
    throw new Fault("there is nothing to repeat before this", at, `write \`\\${char}\` for the character`);
  }
  if (char === "(") return readGroup(cursor);
  if (char === "[") return { kind: "set", set: readClass(cursor) };
  if (char === "\\") return readEscaped(cursor);
  cursor.at += char.length;
  if (char === "^") return { kind: "assert", assertion: "start" };
  if (char === "$") return { kind: "assert", assertion: "end" };
  return { kind: "set", set: char === "." ? anyButNewline : just(point) };
}

const assertions: ReadonlyMap<string, Assertion> = new Map([
  ["b", "boundary"],
  ["B", "no-boundary"],
  ["A", "start"],
  ["Z", "end"],
]);

function readEscaped(cursor: Cursor): RegexNode {
  const letter = cursor.pattern[cursor.at + 1] ?? "";
  const assertion = assertions.get(letter);
  if (assertion !== undefined) {
    cursor.at += 2;
    return { kind: "assert", assertion };
  }
  if (/[1-9k]/.test(letter)) throw new Fault(`a back-reference is not supported: ${LINEAR}`, cursor.at);
  return { kind: "set", set: { negated: false, ranges: readEscape(cursor) } };
}

/** What may follow `(?`, longest first, and what to call it. */
const refused: readonly (readonly [start: string, name: string, hint?: string])[] = [
  ["(?=", "look-ahead"],
  ["(?!", "look-ahead", "combine two terms: `E@web.* and not E@web-1`"],
  ["(?<=", "look-behind"],
  ["(?<!", "look-behind"],
  ["(?>", "an atomic group"],
  ["(?(", "a conditional"],
  ["(?P=", "a back-reference"],
  ["(?P>", "recursion"],
  ["(?R", "recursion"],
  ["(?&", "recursion"],
  ["(?|", "a branch reset"],
];

function readGroup(cursor: Cursor): RegexNode {
  const at = cursor.at;
  const rest = cursor.pattern.slice(at);
  const open = /^\((?:\?(?::|P?<[A-Za-z_]\w*>))?/.exec(rest)![0];
  if (open === "(" && rest[1] === "?") refuseGroup(rest, at);
  cursor.at += open.length;
  const inside = readChoice(cursor);
  if (cursor.pattern[cursor.at] !== ")") {
    throw new Fault(
      "this `(` is never closed",
      at,
      "write `\\(` for the character; quote a pattern that holds spaces",
    );
  }
  cursor.at++;
  return inside;
}

function refuseGroup(rest: string, at: number): never {
  const known = refused.find(([start]) => rest.startsWith(start));
  if (known !== undefined) throw new Fault(`${known[1]} is not supported: ${LINEAR}`, at, known[2]);
  const flags = /^\(\?[A-Za-z-]+[:)]/.exec(rest)?.[0];
  if (flags === "(?i)") {
    throw new Fault(
      "`(?i)` belongs at the start of the pattern",
      at,
      "grains and pillar compare without case anyway: leave it out",
    );
  }
  if (flags !== undefined)
    throw new Fault(`the flags \`${flags}\` are not supported`, at, "only `(?i)` at the start is");
  throw new Fault("this kind of group is not known", at, "groups are `( )` and `(?: )`");
}
