/**
 * Where Jinja stands for a value that boma knows too, a mark takes its place while the file is read as YAML, and
 * becomes `${pillar.a.b}` when the tree is written. Marks are letters of Unicode's private area, which no file may use.
 */
import { Refusal } from "./finding.ts";

export const PRIVATE = /[\ue000-\ue0ff]/;
const MARK = /\ue000([\ue010-\ue019]+)\ue001/g;
const ONE_MARK = /^\ue000[\ue010-\ue019]+\ue001$/;

export class Marks {
  readonly #paths: string[] = [];

  add(path: string): string {
    const digits = Array.from(String(this.#paths.push(path) - 1));
    return `\ue000${digits.map((digit) => String.fromCharCode(0xe010 + Number(digit))).join("")}\ue001`;
  }

  pathOf(digits: string): string {
    return this.#paths[
      Number(
        Array.from(digits)
          .map((char) => char.charCodeAt(0) - 0xe010)
          .join(""),
      )
    ]!;
  }

  /** For people: as the tree will have it, whether it could be written so or not. */
  shown(text: string): string {
    return text.replaceAll(MARK, (_, digits: string) => `\${${this.pathOf(digits)}}`);
  }

  /** As a tree writes it: literal `${…}` is escaped, and marks are `${path}`. */
  written(text: string): string {
    const parts: string[] = [];
    let at = 0;
    for (const { index, 0: mark, 1: digits } of text.matchAll(MARK)) {
      parts.push(escaped(text.slice(at, index)), `\${${this.pathOf(digits!)}}`);
      at = index + mark.length;
    }
    parts.push(escaped(text.slice(at)));
    const made = parts.join("");
    if (JSON.stringify(readBack(made)) !== JSON.stringify(merged(parts)))
      throw new Refusal(
        `a \`$\` or \`\${\` of its own stands right before a value: ${this.shown(text).slice(0, 80)}`,
        "A tree in YAML cannot write that; write this declaration in TypeScript.",
      );
    return made;
  }
}

export const hasMark = (text: string): boolean => text.includes("\ue000");
export const isOneMark = (text: string): boolean => ONE_MARK.test(text);

/** Whether any text in a value holds a mark. */
export function holdsMark(value: unknown): boolean {
  if (typeof value === "string") return hasMark(value);
  if (typeof value !== "object" || value === null) return false;
  return Object.entries(value).some(([key, member]) => hasMark(key) || holdsMark(member));
}

const FILLED = /\$(\$)?\{([^}]*)\}/g;

const escaped = (literal: string): string => literal.replaceAll(FILLED, (found) => `$${found}`);

/** The literals and values that a tree's reader finds in a text. */
function readBack(text: string): string[] {
  const parts: string[] = [];
  let literal = "";
  let at = 0;
  for (const { index, 0: found, 1: escape, 2: inner } of text.matchAll(FILLED)) {
    literal += text.slice(at, index);
    at = index + found.length;
    if (escape) {
      literal += `\${${inner}}`;
      continue;
    }
    parts.push(literal, found);
    literal = "";
  }
  return [...parts, literal + text.slice(at)];
}

/** What was meant: the literals as they were before they were escaped, at even places. */
const merged = (parts: readonly string[]): string[] =>
  parts.map((part, at) => (at % 2 === 0 ? part.replaceAll(FILLED, (found) => found.slice(1)) : part));
