import { NESTING_DEPTH_MAX, TARGET_LENGTH_MAX, TARGET_TERMS_MAX } from "../limits.ts";
import type { Target } from "./expression.ts";
import { Fault, showable, syntaxError } from "./fault.ts";
import { nearest } from "./nearest.ts";
import { readTerm } from "./terms.ts";
import { type Token, tokenize } from "./tokens.ts";

/** What was read so far of a list of tokens that ends in `end`. */
interface Reading {
  readonly source: string;
  readonly tokens: readonly Token[];
  at: number;
  terms: number;
}

/** Reads a target expression. Whatever cannot match as written is refused with the place and a hint. */
export function parseTarget(source: string): Target {
  try {
    if (source.length > TARGET_LENGTH_MAX) {
      throw new Fault(
        `a target has at most ${TARGET_LENGTH_MAX} characters`,
        TARGET_LENGTH_MAX,
        "name a nodegroup: `N@name`",
      );
    }
    return readWhole({ source, tokens: tokenize(source), at: 0, terms: 0 });
  } catch (thrown) {
    if (thrown instanceof Fault) throw syntaxError(source, thrown);
    throw thrown;
  }
}

const peek = (reading: Reading): Token => reading.tokens[reading.at]!;

function readWhole(reading: Reading): Target {
  if (peek(reading).kind === "end")
    throw new Fault("expected a target, found nothing", 0, "`*` is every node");
  const target = readOr(reading, 0);
  const token = peek(reading);
  if (token.kind === "close") throw new Fault("this `)` closes nothing", token.at);
  return target;
}

function readOr(reading: Reading, depth: number): Target {
  const targets = [readAnd(reading, depth)];
  while (peek(reading).kind === "or") {
    reading.at++;
    targets.push(readAnd(reading, depth));
  }
  return targets.length === 1 ? targets[0]! : { kind: "or", targets };
}

function readAnd(reading: Reading, depth: number): Target {
  const targets = [readNot(reading, depth)];
  for (;;) {
    const token = peek(reading);
    // As in Salt, `a not b` says `a and not b`.
    if (token.kind === "and") reading.at++;
    else if (token.kind === "word" || token.kind === "open") refuseNeighbour(reading, token);
    else if (token.kind !== "not") break;
    targets.push(readNot(reading, depth));
  }
  return targets.length === 1 ? targets[0]! : { kind: "and", targets };
}

function readNot(reading: Reading, depth: number): Target {
  const token = peek(reading);
  if (depth > NESTING_DEPTH_MAX)
    throw new Fault(`a target is nested at most ${NESTING_DEPTH_MAX} levels deep`, token.at);
  if (token.kind === "word") {
    reading.at++;
    if (++reading.terms > TARGET_TERMS_MAX) {
      throw new Fault(
        `a target has at most ${TARGET_TERMS_MAX} terms`,
        token.at,
        "list ids with `L@a,b`, or name a nodegroup",
      );
    }
    return readTerm(token.word);
  }
  if (token.kind === "not") {
    reading.at++;
    return { kind: "not", target: readNot(reading, depth + 1) };
  }
  if (token.kind !== "open") throw expectedTerm(reading, token);
  reading.at++;
  const target = readOr(reading, depth + 1);
  if (peek(reading).kind !== "close") throw new Fault("this `(` is never closed", token.at);
  reading.at++;
  return target;
}

function expectedTerm(reading: Reading, token: Token): Fault {
  const before = reading.tokens[reading.at - 1];
  const behind = before === undefined ? "" : ` after \`${shown(reading, before)}\``;
  const found = token.kind === "end" ? "the end" : `\`${shown(reading, token)}\``;
  return new Fault(`expected a term${behind}, found ${found}`, token.at);
}

function shown(reading: Reading, token: Token): string {
  if (token.kind === "open") return "(";
  if (token.kind === "close") return ")";
  return token.kind === "word" ? word(token, reading.source) : token.kind;
}

const SHOWN_MAX = 40;
const word = (token: Token & { kind: "word" }, source: string): string => {
  const text = source.slice(token.at, token.word.places.at(-1));
  return showable(text.length > SHOWN_MAX ? `${text.slice(0, SHOWN_MAX)}…` : text);
};

/** Two terms side by side. The second may be a word that was meant as an operator. */
function refuseNeighbour(reading: Reading, token: Token): never {
  // A word that is wrong in itself says more about what was meant.
  if (token.kind === "word") readTerm(token.word);
  const text = shown(reading, token);
  const isOperator = token.kind === "word" && reading.tokens[reading.at + 1]?.kind !== "end";
  const meant = isOperator && /^[a-z]+$/i.test(text) ? nearest(text, ["and", "or"]) : undefined;
  const hint =
    meant === undefined
      ? `two terms need a word between them: \`and\` or \`or\``
      : `did you mean \`${meant}\`?`;
  throw new Fault(`expected \`and\` or \`or\` before \`${text}\``, token.at, hint);
}
