import type { GrainTerm, Namespace, PillarTerm, Target, Term } from "./expression.ts";
import { isPlainRegex, readPrefix } from "./tokens.ts";

/** Writes a target so that the parser reads the same one back. */
export function printTarget(target: Target): string {
  if (target.kind === "not") {
    return `not ${isJoined(target.target) ? group(target.target) : printTarget(target.target)}`;
  }
  if (target.kind === "and") {
    return target.targets.map((part) => (isJoined(part) ? group(part) : printTarget(part))).join(" and ");
  }
  if (target.kind === "or") {
    return target.targets.map((part) => (part.kind === "or" ? group(part) : printTarget(part))).join(" or ");
  }
  return printTerm(target);
}

const isJoined = (target: Target): boolean => target.kind === "and" || target.kind === "or";
const group = (target: Target): string => `(${printTarget(target)})`;

function printTerm(term: Term): string {
  switch (term.kind) {
    case "id-glob":
      return /^(?:and|or|not)$/i.test(term.pattern) ? quoted(term.pattern) : term.pattern;
    case "id-regex":
      return `E@${isPlainRegex(term.pattern) ? term.pattern : quoted(term.pattern)}`;
    case "id-list":
      return `L@${term.ids.join(",")}`;
    case "subnet":
      return `S@${term.network}`;
    case "nodegroup":
      return `N@${term.name}`;
    case "compare": {
      const value = isPlain(term.value) ? term.value : quoted(term.value);
      return printPath(term.namespace, term.path) + term.operator + value;
    }
    case "grain-glob":
      return printGrainGlob(term);
    case "grain-regex":
      return prefix("P", term) + printText(term, dotted(term.namespace), isPlainRegex(term.text));
    case "pillar-glob":
      return prefix("I", term) + printText(term, "", isPlainGlob(term.text));
    case "pillar-regex":
      return prefix("J", term) + printText(term, "", isPlainRegex(term.text));
  }
}

const prefix = (letter: string, term: GrainTerm | PillarTerm): string =>
  `${letter}${term.delimiter === ":" ? "" : term.delimiter}@`;

const dotted = (namespace: Namespace): string => (namespace === "either" ? "" : `${namespace}.`);

const isPlainGlob = (text: string): boolean => !/[\s()"']/u.test(text);

/** Nothing in it has a meaning of its own. */
const isPlain = (text: string): boolean => !/[\s()"'<>=!&|]/u.test(text);

/** The bare form where it says the same, as that is how people write it. */
function printGrainGlob(term: GrainTerm): string {
  const head = dotted(term.namespace);
  const isBare =
    term.delimiter === ":" && /^[\w.-]/.test(term.text) && readPrefix(head + term.text) === undefined;
  const key = term.text.slice(0, term.text.indexOf(":"));
  if (isBare && isPlain(key)) {
    const value = term.text.slice(key.length + 1);
    return `${head}${key}:${isPlain(value) ? value : quoted(value)}`;
  }
  return prefix("G", term) + printText(term, head, isPlainGlob(term.text));
}

function printPath(namespace: Namespace, path: string): string {
  return isPlain(path) ? dotted(namespace) + path : quoted(dotted(namespace) + path);
}

/** Quotes the value alone where the key needs none. */
function printText({ delimiter, text }: GrainTerm | PillarTerm, head: string, isPlainText: boolean): string {
  if (isPlainText) return head + text;
  const cut = text.indexOf(delimiter) + delimiter.length;
  const key = text.slice(0, cut);
  return /^[\w.-]+.$/.test(key) ? head + key + quoted(text.slice(cut)) : quoted(head + text);
}

/** There are no escapes: a text with both kinds of quotes is written in pieces that touch each other. */
function quoted(text: string): string {
  if (!text.includes('"')) return `"${text}"`;
  if (!text.includes("'")) return `'${text}'`;
  return text.replace(/"+|[^"]+/gu, (piece) => (piece.startsWith('"') ? `'${piece}'` : `"${piece}"`));
}
