import { BomaError } from "../errors.ts";

/** Something wrong at one place of a text; whoever knows the whole source turns it into a BomaError. */
export class Fault extends Error {
  override readonly name = "Fault";
  readonly at: number;
  readonly hint: string | undefined;

  constructor(message: string, at: number, hint?: string) {
    super(message);
    this.at = at;
    this.hint = hint;
  }
}

/** Runs what may throw a Fault about a piece of text, and moves the fault to where that piece stands. */
export function placed<T>(read: () => T, place: (at: number) => number): T {
  try {
    return read();
  } catch (thrown) {
    if (thrown instanceof Fault) throw new Fault(thrown.message, place(thrown.at), thrown.hint);
    throw thrown;
  }
}

export function syntaxError(source: string, fault: Fault): BomaError {
  const message = `${showable(fault.message)}\n${excerpt(source, fault.at)}`;
  return new BomaError("target/syntax", message, fault.hint === undefined ? {} : { hint: fault.hint });
}

const BEFORE_MAX = 70;
const AFTER_MAX = 40;

/** The line around a position and a caret under it. A long line is cut on both sides. */
function excerpt(source: string, at: number): string {
  const lineStart = at === 0 ? 0 : source.lastIndexOf("\n", at - 1) + 1;
  const newline = source.indexOf("\n", at);
  const lineEnd = newline === -1 ? source.length : newline;
  const from = Math.max(lineStart, at - BEFORE_MAX);
  const to = Math.min(lineEnd, at + AFTER_MAX);
  const before = (from > lineStart ? "…" : "") + showable(source.slice(from, at));
  const after = showable(source.slice(at, to)) + (to < lineEnd ? "…" : "");
  return `  ${before}${after}\n  ${" ".repeat(Array.from(before).length)}^`;
}

/** A source goes to a terminal inside the message, so nothing in it may act on the terminal. */
export function showable(text: string): string {
  return text.replace(/\s/gu, " ").replace(/[\p{Cc}\p{Cf}\p{Cs}]/gu, "\u{fffd}");
}
