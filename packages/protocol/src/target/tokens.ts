import { isOutside, noBrackets, readBracket } from "./brackets.ts";
import { Fault } from "./fault.ts";

/** A run of characters without quotes; `places` tells where each of them, and the end, stands in the source. */
export interface Word {
  readonly text: string;
  readonly places: readonly number[];
  /** Which of the characters stood in quotes, where they have no meaning of their own. */
  readonly quoted: readonly boolean[];
}

export type Token =
  | { readonly kind: "open" | "close" | "and" | "or" | "not" | "end"; readonly at: number }
  | { readonly kind: "word"; readonly at: number; readonly word: Word };

/** A letter and `@`; a capital may carry another delimiter than `:` between the two. */
const PREFIX = /(?:([A-Z])([^\w\s()"'@]?)|([a-z]))@/y;

/** Whether a text starts like `G@`, and how. */
export function readPrefix(
  text: string,
  at = 0,
): { letter: string; delimiter: string; end: number } | undefined {
  PREFIX.lastIndex = at;
  const found = PREFIX.exec(text);
  if (found === null) return undefined;
  return { letter: found[1] ?? found[3]!, delimiter: found[2] ?? "", end: PREFIX.lastIndex };
}

const REGEX_LETTERS = "EPJ";

/** Cuts the source into words and parentheses. */
export function tokenize(source: string): Token[] {
  const strange = /(?![\t\n\r])[\p{Cc}\p{Cf}\p{Cs}]/u.exec(source);
  if (strange !== null) throw new Fault(`${strangeName(strange[0])} cannot be in a target`, strange.index);
  const tokens: Token[] = [];
  let at = 0;
  while (at < source.length) {
    const char = source[at]!;
    if (isSpace(char)) at++;
    else if (char === "(" || char === ")") tokens.push({ kind: char === "(" ? "open" : "close", at: at++ });
    else {
      const { word, end } = readWord(source, at);
      tokens.push(isKeyword(word) ? { kind: word.text, at } : { kind: "word", at, word });
      at = end;
    }
  }
  tokens.push({ kind: "end", at: source.length });
  return tokens;
}

function strangeName(char: string): string {
  const hex = char.codePointAt(0)!.toString(16).toUpperCase().padStart(4, "0");
  return `${/\p{Cs}/u.test(char) ? "half a character" : "the invisible character"} U+${hex}`;
}

const isSpace = (char: string): boolean => /\s/u.test(char);
const isQuote = (char: string | undefined): boolean => char === '"' || char === "'";

function isKeyword(word: Word): word is Word & { readonly text: "and" | "or" | "not" } {
  return !word.quoted.includes(true) && (word.text === "and" || word.text === "or" || word.text === "not");
}

/** How the characters of one word are to be read, told from how it starts. */
interface Form {
  readonly isRegex: boolean;
  /** What a value may follow, so that a quote behind it opens: delimiter and, in a bare word, operators. */
  readonly openers: string;
  /** Where the part behind the prefix begins. */
  readonly body: number;
}

function formOf(source: string, start: number): Form {
  const prefix = readPrefix(source, start);
  if (prefix === undefined) return { isRegex: false, openers: ":<>=", body: start };
  const { letter, delimiter, end } = prefix;
  return { isRegex: REGEX_LETTERS.includes(letter), openers: delimiter || ":", body: end };
}

interface Draft {
  text: string;
  readonly places: number[];
  readonly quoted: boolean[];
}

/**
 * A word ends at a space or a parenthesis. In a regular expression, parentheses
 * that are balanced belong to it, and the one that closes too much ends the word.
 */
function readWord(source: string, start: number): { word: Word; end: number } {
  const form = formOf(source, start);
  const brackets = noBrackets();
  const draft: Draft = { text: "", places: [], quoted: [] };
  let afterQuote = false;
  let at = start;
  for (; at < source.length; at++) {
    const char = source[at]!;
    const mayOpen =
      at === start ||
      at === form.body ||
      afterQuote ||
      (at > form.body && form.openers.includes(source[at - 1]!));
    if (isQuote(char) && mayOpen) {
      at = readQuoted(source, at, draft);
      afterQuote = true;
      continue;
    }
    if (isSpace(char)) break;
    if (at < form.body || !form.isRegex) {
      if (char === "(" || char === ")") break;
    } else {
      readBracket(brackets, char);
      if (brackets.depth < 0) break;
    }
    if (afterQuote && !`${form.openers}!`.includes(char))
      throw new Fault("expected a space after the closing quote", at);
    afterQuote = false;
    append(draft, char, at, false);
  }
  draft.places.push(at);
  return { word: draft, end: at };
}

function append(draft: Draft, char: string, at: number, quoted: boolean): void {
  draft.text += char;
  draft.places.push(at);
  draft.quoted.push(quoted);
}

/** Adds what is in the quotes, and returns where they close. There are no escapes: the other quote holds this one. */
function readQuoted(source: string, open: number, draft: Draft): number {
  const close = source.indexOf(source[open]!, open + 1);
  if (close === -1) throw new Fault("this quote is never closed", open);
  for (let at = open + 1; at < close; at++) append(draft, source[at]!, at, true);
  return close;
}

/** Whether a regular expression can stand in the source without quotes. */
export function isPlainRegex(pattern: string): boolean {
  if (/[\s"']/u.test(pattern)) return false;
  const brackets = noBrackets();
  for (const char of pattern) {
    readBracket(brackets, char);
    if (brackets.depth < 0) return false;
  }
  return isOutside(brackets);
}
