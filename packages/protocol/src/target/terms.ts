import { PATTERN_LENGTH_MAX } from "../limits.ts";
import { type CompareTerm, type Operator, OPERATORS, type Term } from "./expression.ts";
import { Fault, placed, showable } from "./fault.ts";
import { readGrainGlob, readNamespace, refuseAnyHead } from "./paths.ts";
import { readPrefixed } from "./prefixed.ts";
import { parseQuantity, UNITS } from "./quantity.ts";
import { readPrefix, type Word } from "./tokens.ts";

/** What one word of an expression selects. */
export function readTerm(word: Word): Term {
  const place = (at: number): number => word.places[at]!;
  const prefix = readPrefix(word.text);
  // Only a list of ids is as long as the expression may be: it is no pattern.
  if (word.text.length > PATTERN_LENGTH_MAX && prefix?.letter !== "L") {
    throw new Fault(`a term has at most ${PATTERN_LENGTH_MAX} characters`, place(PATTERN_LENGTH_MAX));
  }
  if (prefix !== undefined) return placed(() => readPrefixed(word.text, prefix), place);
  return placed(() => readBare(word), place);
}

function readBare(word: Word): Term {
  refuseForeign(word);
  const operator = findOperator(word);
  if (operator !== undefined) return readComparison(word.text, operator);
  if (word.text.includes(":")) return readGrainGlob(word.text, 0, ":");
  refuseStrangeId(word.text);
  return { kind: "id-glob", pattern: word.text };
}

const CAPITALS = /^(?:and|or|not)$/i;
const foreign: ReadonlyMap<string, string> = new Map([
  ["&&", "and"],
  ["&", "and"],
  ["||", "or"],
  ["|", "or"],
  ["!", "not"],
]);

/** Operators as other languages write them. Taken as text they would silently match nothing. */
function refuseForeign(word: Word): void {
  if (word.quoted[0] === true) return;
  const { text } = word;
  if (CAPITALS.test(text)) {
    throw new Fault(
      `\`${text}\` is not an operator`,
      0,
      `did you mean \`${text.toLowerCase()}\`? Operators are in small letters`,
    );
  }
  const meant = foreign.get(text);
  if (meant !== undefined) throw new Fault(`\`${text}\` is not an operator`, 0, `write \`${meant}\``);
  if (text.startsWith("!") && !text.startsWith("!=")) {
    throw new Fault("`!` is not an operator", 0, `write \`not ${showable(text.slice(1))}\``);
  }
  for (let at = 0; at < text.length; at++) {
    const twice = text.slice(at, at + 2);
    if ((twice === "&&" || twice === "||") && !word.quoted[at]) {
      throw new Fault(
        `\`${twice}\` is not an operator`,
        at,
        `write \` ${foreign.get(twice)} \`, or quote the value`,
      );
    }
  }
}

interface FoundOperator {
  readonly sign: Operator;
  readonly at: number;
}

/** The first operator outside of quotes. */
function findOperator(word: Word): FoundOperator | undefined {
  for (let at = 0; at < word.text.length; at++) {
    if (word.quoted[at] === true) continue;
    const rest = word.text.slice(at, at + 2);
    if (rest === "=<" || rest === "=>") {
      throw new Fault(`\`${rest}\` is not an operator`, at, `write \`${rest === "=<" ? "<=" : ">="}\``);
    }
    const sign = OPERATORS.find((operator) => rest.startsWith(operator));
    if (sign !== undefined) return { sign, at };
    if (rest.startsWith("=")) {
      throw new Fault(
        "`=` is not an operator",
        at,
        "write `key:value` to match, `==` to compare, or quote the value",
      );
    }
  }
  return undefined;
}

function readComparison(text: string, { sign, at }: FoundOperator): CompareTerm {
  const value = text.slice(at + sign.length);
  if (at === 0)
    throw new Fault(`expected a grain right before \`${sign}\``, 0, "write it without spaces: `ram>=64GiB`");
  if (value === "") {
    throw new Fault(
      `expected a value right behind \`${sign}\``,
      text.length,
      "write it without spaces: `ram>=64GiB`",
    );
  }
  const { namespace, start } = readNamespace(text.slice(0, at));
  const path = text.slice(start, at);
  if (path.split(":").includes(""))
    throw new Fault("expected a grain's path before the operator, as in `disks:sda:size>1TB`", start);
  refuseAnyHead(path, start, ":");
  refuseUnfit(value, sign, at + sign.length);
  return { kind: "compare", namespace, path, operator: sign, value };
}

function refuseUnfit(value: string, sign: Operator, at: number): void {
  if (parseQuantity(value) !== undefined) return;
  if (sign !== "==" && sign !== "!=") {
    throw new Fault(`expected a number behind \`${sign}\``, at, `units are ${UNITS}`);
  }
  const wild = value.search(/[*?[]/);
  if (wild !== -1)
    throw new Fault(
      `\`${sign}\` compares whole texts and knows no wildcards`,
      at + wild,
      "write `key:glob`, or `not key:glob`",
    );
}

const instead: ReadonlyMap<string, string> = new Map([
  [",", "a list of ids is written `L@a,b`"],
  ["&", "write ` and `"],
  ["|", "write ` or `"],
  ["!", "write `not TERM`"],
  ["^", "a class is negated with `!`: `[!abc]`"],
  ["@", "a prefix is one letter: `G@os:Debian`"],
  ["$", "a regular expression is written `E@PATTERN`"],
  ["+", "a regular expression is written `E@PATTERN`"],
]);

/** What can be in no id can be in no pattern for one: it would match nothing. */
function refuseStrangeId(pattern: string): void {
  if (pattern === "") throw new Fault("expected a pattern", 0);
  const strange = /[^\w.*?[\]!-]|(?<!\[)!/u.exec(pattern);
  if (strange === null) return;
  const char = strange[0];
  throw new Fault(
    `\`${char}\` cannot be in a node id`,
    strange.index,
    instead.get(char) ?? "a grain is written `key:value`",
  );
}
