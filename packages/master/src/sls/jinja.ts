/**
 * What Jinja would make of a file, as far as that can be known without Salt. Values that boma knows become marks;
 * everything else is left out, and where it stood is remembered, so that no declaration is read without a part of it.
 */
import { Unreadable } from "./finding.ts";
import { type Literal, type Meaning, meaningOf } from "./jinja-expression.ts";
import { PRIVATE, type Marks } from "./marks.ts";
import { placesIn, type SourcePlace } from "./places.ts";

/** A stretch of the rendered text whose content is not known. */
export interface Gap {
  /** Offsets in the rendered text. */
  readonly from: number;
  readonly to: number;
  readonly why: string;
  readonly at: SourcePlace;
}

export interface Remark {
  readonly at: SourcePlace;
  readonly what: string;
  readonly why: string;
}

export interface Rendered {
  readonly text: string;
  readonly gaps: readonly Gap[];
  readonly remarks: readonly Remark[];
  /** Where in the file an offset of the rendered text comes from. */
  placeOf(offset: number): SourcePlace;
}

/** Tags that stand around others, and whether what they hold is written where they stand. */
const BLOCKS: Readonly<Record<string, "written" | "silent">> = {
  if: "written",
  for: "written",
  call: "written",
  filter: "written",
  with: "written",
  block: "written",
  autoescape: "written",
  raw: "written",
  trans: "written",
  profile: "written",
  macro: "silent",
  set: "silent",
  load_yaml: "silent",
  load_json: "silent",
  load_text: "silent",
};
const BRANCHES = ["else", "elif", "continue", "break", "pluralize", "debug"];
const TAGS_MAX = 20_000;
const NESTED_MAX = 100;

interface Tag {
  readonly kind: "value" | "tag" | "comment";
  readonly inner: string;
  readonly from: number;
  readonly to: number;
  readonly stripBefore: boolean;
  readonly stripAfter: boolean;
}

export function renderSls(source: string, marks: Marks): Rendered {
  const text = source.replace(/^\ufeff/, "").replaceAll("\r\n", "\n");
  const places = placesIn(text);
  const strange = PRIVATE.exec(text);
  if (strange)
    throw new Unreadable(
      "a letter of Unicode's private area",
      "Remove it: it has no meaning there.",
      places(strange.index),
    );
  return new Render(text, marks, places).run();
}

interface Open {
  readonly name: string;
  readonly at: number;
  readonly start: number;
  readonly inner: string;
}

class Render {
  readonly #text: string;
  readonly #marks: Marks;
  readonly #places: (offset: number) => SourcePlace;
  readonly #variables = new Map<string, Meaning>();
  readonly #gaps: Gap[] = [];
  readonly #remarks: Remark[] = [];
  readonly #pieces: Piece[] = [];
  readonly #open: Open[] = [];
  #out = "";
  #stripNext = false;

  constructor(text: string, marks: Marks, places: (offset: number) => SourcePlace) {
    this.#text = text;
    this.#marks = marks;
    this.#places = places;
  }

  run(): Rendered {
    let at = 0;
    let count = 0;
    for (let tag = this.#next(at); tag; tag = this.#next(at)) {
      if (++count > TAGS_MAX)
        throw new Unreadable(
          `more than ${TAGS_MAX} tags of Jinja`,
          "Split the file.",
          this.#places(tag.from),
        );
      this.#plain(at, tag.from, tag.stripBefore);
      at = this.#take(tag);
    }
    this.#plain(at, this.#text.length, false);
    const [left] = this.#open;
    if (left) throw this.#fault(`\`{% ${left.name} %}\` is never closed`, left.at);
    const pieces = this.#pieces;
    return {
      text: this.#out,
      gaps: this.#gaps,
      remarks: this.#remarks,
      placeOf: (offset) => {
        const piece = lastBefore(pieces, offset);
        return this.#places(Math.min(this.#text.length, piece.from + offset - piece.out));
      },
    };
  }

  /** Text between tags; what is in a silent block is written nowhere. */
  #plain(from: number, to: number, stripBefore: boolean): void {
    let [start, end] = [from, to];
    if (this.#stripNext) while (start < end && /\s/.test(this.#text[start]!)) start += 1;
    if (stripBefore) while (end > start && /\s/.test(this.#text[end - 1]!)) end -= 1;
    if (start >= end || this.#isSilent()) return;
    this.#pieces.push({ out: this.#out.length, from: start });
    this.#out += this.#text.slice(start, end);
  }

  #isSilent(): boolean {
    return this.#open.some(({ name }) => BLOCKS[name] === "silent");
  }

  #next(from: number): Tag | undefined {
    const raw = this.#open.at(-1)?.name === "raw";
    const opening = raw ? /\{%[-+]?\s*endraw\b/g : /\{[{%#]/g;
    opening.lastIndex = from;
    const found = opening.exec(this.#text);
    if (!found) return undefined;
    const at = found.index;
    const sign = this.#text[at + 1]!;
    const close = sign === "{" ? "}}" : sign === "%" ? "%}" : "#}";
    const end = sign === "#" ? this.#text.indexOf(close, at + 2) : endOf(this.#text, at + 2, close);
    if (end < 0) throw this.#fault(`\`{${sign}\` is never closed`, at);
    const inner = this.#text.slice(at + 2, end);
    return {
      kind: sign === "{" ? "value" : sign === "%" ? "tag" : "comment",
      inner: inner.replace(/^[-+]/, "").replace(/[-+]$/, "").trim(),
      from: at,
      to: end + 2,
      stripBefore: inner.startsWith("-"),
      stripAfter: inner.length > 0 && inner.endsWith("-"),
    };
  }

  /** Handles one tag, and says where the text goes on. */
  #take(tag: Tag): number {
    if (tag.kind === "value") this.#value(tag);
    if (tag.kind === "tag") this.#tag(tag);
    this.#stripNext = tag.stripAfter;
    return tag.to;
  }

  #value(tag: Tag): void {
    if (this.#isSilent()) return;
    const meaning = meaningOf(tag.inner, this.#variables);
    const written = this.#writtenAs(meaning);
    const out = this.#out.length;
    this.#pieces.push({ out, from: tag.from });
    if (written === undefined) {
      const why =
        meaning.kind === "unknown" ? meaning.why : "a value that YAML may read otherwise than it was meant";
      this.#out += this.#isOwnLine(tag) ? "" : "x";
      this.#gap(out, `\`{{ ${tag.inner} }}\`: ${why}`, tag.from);
      return;
    }
    this.#out += written;
    if (meaning.kind === "path")
      for (const note of meaning.notes)
        this.#remarks.push({ at: this.#places(tag.from), what: `{{ ${tag.inner} }}`, why: note });
  }

  #writtenAs(meaning: Meaning): string | undefined {
    if (meaning.kind === "path") return this.#marks.add(meaning.path);
    return meaning.kind === "literal" ? asPython(meaning.value) : undefined;
  }

  /** A gap in the middle of a block is part of the gap of that block. */
  #gap(from: number, why: string, at: number): void {
    this.#gaps.push({ from, to: this.#out.length, why, at: this.#places(at) });
  }

  #isOwnLine({ from, to }: Tag): boolean {
    const before = this.#text.slice(this.#text.lastIndexOf("\n", from - 1) + 1, from);
    const end = this.#text.indexOf("\n", to);
    return before.trim() === "" && this.#text.slice(to, end < 0 ? undefined : end).trim() === "";
  }

  #tag(tag: Tag): void {
    const [, name = "", rest = ""] = /^(\w+)\s*([^]*)$/.exec(tag.inner) ?? [];
    const top = this.#open.at(-1);
    if (name.startsWith("end")) return this.#close(name, tag);
    if (top && BRANCHES.includes(name)) return;
    const assigned = name === "set" ? /^([A-Za-z_]\w*)\s*=(?!=)([^]*)$/.exec(rest) : null;
    if (name === "set" && !assigned && rest.includes("=")) return this.#forget(rest.split("=")[0]!);
    if (assigned) return this.#assign(assigned[1]!, assigned[2]!);
    if (Object.hasOwn(BLOCKS, name)) {
      if (this.#open.length >= NESTED_MAX) throw this.#fault("blocks are nested too deeply", tag.from);
      this.#forget(rest);
      this.#open.push({ name, at: tag.from, start: this.#out.length, inner: tag.inner });
      return;
    }
    this.#forget(rest);
    const why = `\`{% ${oneLine(tag.inner)} %}\``;
    if (/^(import|from|import_yaml|import_json|import_text|do)$/.test(name))
      this.#remarks.push({
        at: this.#places(tag.from),
        what: why,
        why: "it is not read; what uses it is listed",
      });
    else this.#gap(this.#out.length, `${why} writes what is not known`, tag.from);
  }

  #close(name: string, tag: Tag): void {
    const top = this.#open.at(-1);
    const wanted = top?.name.startsWith("load_") ? "endload" : `end${top?.name}`;
    if (!top || name !== wanted) throw this.#fault(`\`{% ${name} %}\` closes nothing`, tag.from);
    this.#open.pop();
    if (this.#isSilent()) return;
    if (BLOCKS[top.name] === "silent") {
      const what = `{% ${oneLine(top.inner)} %}`;
      this.#remarks.push({ at: this.#places(top.at), what, why: "it is not read; what uses it is listed" });
      return;
    }
    this.#gap(top.start, `\`{% ${oneLine(top.inner)} %}\``, top.at);
  }

  /** Within a block nobody knows whether it is set, and to what. */
  #assign(name: string, expression: string): void {
    const meaning = meaningOf(expression, this.#variables);
    const inside = this.#open.at(-1);
    this.#variables.set(
      name,
      inside
        ? { kind: "unknown", why: `\`{% ${inside.name} %}\`` }
        : meaning.kind === "function"
          ? UNKNOWN
          : meaning,
    );
  }

  /** What an unknown tag names may have another value afterwards. */
  #forget(words: string): void {
    for (const [word] of words.matchAll(/[A-Za-z_]\w*/g))
      if (this.#variables.has(word)) this.#variables.set(word, UNKNOWN);
  }

  #fault(why: string, at: number): Unreadable {
    return new Unreadable(why, "Jinja would refuse this file, too.", this.#places(at));
  }
}

interface Piece {
  /** Where it stands in the rendered text, and where it comes from. */
  readonly out: number;
  readonly from: number;
}

function lastBefore(pieces: readonly Piece[], offset: number): Piece {
  let [low, high] = [0, pieces.length - 1];
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    if (pieces[middle]!.out <= offset) low = middle;
    else high = middle - 1;
  }
  return pieces[low] ?? { out: 0, from: 0 };
}

const UNKNOWN: Meaning = { kind: "unknown", why: "a tag that is not read" };
const oneLine = (text: string): string => text.replaceAll(/\s+/g, " ").slice(0, 60);

function endOf(text: string, from: number, close: string): number {
  let quote = "";
  for (let at = from; at < text.length; at++) {
    const char = text[at]!;
    if (quote !== "") {
      if (char === "\\") at += 1;
      else if (char === quote) quote = "";
    } else if (char === '"' || char === "'") quote = char;
    else if (text.startsWith(close, at)) return at;
  }
  return -1;
}

/** As Python prints it, where YAML then reads the same; `undefined` where that is not sure. */
function asPython(value: Literal, inside = false): string | undefined {
  if (value === null) return "None";
  if (typeof value === "boolean") return value ? "True" : "False";
  if (typeof value === "number") return Number.isInteger(value) ? String(value) : undefined;
  if (typeof value === "string") {
    if (!inside) return value;
    return /^[^'"\\\n\r]*$/.test(value) ? `'${value}'` : undefined;
  }
  const parts = Array.isArray(value)
    ? value.map((member) => asPython(member, true))
    : Object.entries(value).map(([key, member]) => {
        const [left, right] = [asPython(key, true), asPython(member, true)];
        return left === undefined || right === undefined ? undefined : `${left}: ${right}`;
      });
  if (parts.includes(undefined)) return undefined;
  return Array.isArray(value) ? `[${parts.join(", ")}]` : `{${parts.join(", ")}}`;
}
