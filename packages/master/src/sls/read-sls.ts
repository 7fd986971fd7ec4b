/** An SLS file as the declarations that Salt would find in it, in all the shapes that Salt takes. */
import { isMap, isScalar, isSeq, LineCounter, type Node, parseDocument } from "yaml";

import { readable, type Untold } from "./chunks.ts";
import { type Place, Refusal, Unreadable } from "./finding.ts";
import { type Remark, renderSls } from "./jinja.ts";
import type { Marks } from "./marks.ts";
import { type Arg, type Value, Values } from "./values.ts";

/** One function under one id, before `extend` and `names`. */
export interface Written {
  readonly id: string;
  readonly module: string;
  readonly fun: string;
  readonly args: Map<string, Arg>;
  readonly at: Place;
  readonly sls: string;
}

/** What could not be read, and where. */
export interface Unread {
  readonly what: string;
  readonly refusal: Refusal;
  readonly at: Place;
}

export interface SlsFile {
  readonly file: string;
  readonly sls: string;
  readonly written: readonly Written[];
  readonly extend: readonly (Omit<Written, "fun"> & { readonly fun: string | undefined })[];
  readonly include: readonly { readonly sls: string; readonly at: Place }[];
  readonly exclude: readonly { readonly kind: "id" | "sls"; readonly name: string; readonly at: Place }[];
  readonly untold: readonly Untold[];
  readonly unread: readonly Unread[];
  readonly remarks: readonly Remark[];
}

const ALIASES_MAX = 200;

/** Throws `Unreadable` where no part of the file can be read. */
export function readSls(source: string, { file, sls }: { file: string; sls: string }, marks: Marks): SlsFile {
  const rendered = renderSls(source, marks);
  const { text, untold } = readable(rendered);
  const document = parse(text, (offset) => rendered.placeOf(offset));
  const values = new Values(document, (node) => ({ file, ...rendered.placeOf(node?.range?.[0] ?? 0) }));
  return {
    file,
    sls,
    untold,
    remarks: rendered.remarks,
    ...new Reader(values, sls).read(document.contents as Node | null),
  };
}

function parse(text: string, placeOf: (offset: number) => Omit<Place, "file">) {
  try {
    const document = parseDocument(text, {
      version: "1.1",
      lineCounter: new LineCounter(),
      prettyErrors: false,
      // Its own look for keys that are there twice takes the square of their number; `Values` looks for them, too.
      uniqueKeys: false,
    });
    const [error] = document.errors;
    if (error) {
      const tab = text.slice(error.pos[0], error.pos[1] + 1).includes("\t") || /tab/i.test(error.message);
      throw new Unreadable(
        `it is no YAML: ${error.message.split("\n")[0]}`,
        tab ? "Indent with blanks, not with tabs." : "Salt would refuse it, too.",
        placeOf(error.pos[0]),
      );
    }
    document.toJS({ maxAliasCount: ALIASES_MAX });
    return document;
  } catch (thrown) {
    if (thrown instanceof Unreadable) throw thrown;
    const why =
      thrown instanceof RangeError
        ? "it is nested too deeply"
        : `it is no YAML: ${(thrown as Error).message}`;
    throw new Unreadable(why, "Write it with less nesting and fewer aliases.", { line: 1, column: 1 });
  }
}

type Parts = Pick<SlsFile, "written" | "extend" | "include" | "exclude" | "unread">;

class Reader {
  readonly #values: Values;
  readonly #sls: string;
  readonly #unread: Unread[] = [];

  constructor(values: Values, sls: string) {
    this.#values = values;
    this.#sls = sls;
  }

  read(contents: Node | null): Parts {
    const [written, extend]: [Written[], SlsFile["extend"][number][]] = [[], []];
    const [include, exclude]: [SlsFile["include"][number][], SlsFile["exclude"][number][]] = [[], []];
    if (contents !== null && !(isScalar(contents) && contents.value === null)) {
      if (!isMap(contents)) {
        const at = this.#values.placeOf(contents);
        throw new Unreadable(
          "an SLS file is a map from ids to declarations",
          "Salt would refuse it, too.",
          at,
        );
      }
      for (const [id, body, key] of this.#values.pairs(contents)) {
        const at = this.#values.placeOf(key);
        this.#try(id, at, () => {
          if (id === "include")
            include.push(...this.#names(body).map(({ name, at: there }) => ({ sls: name, at: there })));
          else if (id === "exclude") exclude.push(...this.#names(body));
          else if (id === "extend")
            for (const one of this.#values.pairs(body!)) extend.push(...this.#under(one[0], one[1], at));
          else if (!id.startsWith("__")) written.push(...this.#under(id, body, at).map((one) => whole(one)));
        });
      }
    }
    return { written, extend, include, exclude, unread: this.#unread };
  }

  #try(what: string, at: Place, work: () => void): void {
    try {
      work();
    } catch (thrown) {
      if (!(thrown instanceof Refusal)) throw thrown;
      this.#unread.push({ what, refusal: thrown, at: thrown.at ?? at });
    }
  }

  #names(node: Node | null): SlsFile["exclude"][number][] {
    if (!isSeq(node)) throw new Refusal("it is no list", "Salt takes a list here.");
    return (node.items as Node[]).map((item) => {
      const at = this.#values.placeOf(item);
      const value = this.#values.value(item);
      if (typeof value === "string") return { kind: "id", name: value, at };
      const [[kind, name] = []] = Object.entries((value ?? {}) as Record<string, Value>);
      // `- base: other` includes from another environment; only of `sls` and `id` is the meaning plain.
      if ((kind === "sls" || kind === "id") && typeof name === "string") return { kind, name, at };
      throw new Refusal("an entry that is no name", "Salt's environments have no counterpart.", at);
    });
  }

  /** All that stands under one id. */
  #under(id: string, body: Node | null, at: Place): SlsFile["extend"][number][] {
    if (isScalar(body) && typeof body.value === "string")
      return [this.#one(id, body.value, { args: new Map(), at })];
    if (!body || this.#values.pairs(body).length === 0)
      throw new Refusal("there is no state under this id", "Salt would refuse it, too.", at);
    const found: SlsFile["extend"][number][] = [];
    for (const [name, value, key] of this.#values.pairs(body)) {
      if (name.startsWith("__")) continue;
      const there = this.#values.placeOf(key);
      this.#try(`${id}: ${name}`, there, () => void found.push(this.#state(id, name, { value, at: there })));
    }
    return found;
  }

  #state(
    id: string,
    name: string,
    { value, at }: { value: Node | null; at: Place },
  ): SlsFile["extend"][number] {
    const args = new Map<string, Arg>();
    const functions: string[] = [];
    const empty = value === null || (isScalar(value) && value.value === null);
    if (isScalar(value) && typeof value.value === "string") functions.push(value.value);
    else if (!empty && !isSeq(value))
      throw new Refusal("its parameters are no list", "Salt takes a list of `- name: value`.", at);
    for (const item of isSeq(value) ? (value.items as Node[]) : []) {
      if (isScalar(item) && typeof item.value === "string") functions.push(item.value);
      else this.#args(item, args);
    }
    return this.#one(id, [name, ...functions].join("."), { args, at });
  }

  #args(item: Node, args: Map<string, Arg>): void {
    const at = this.#values.placeOf(item);
    const pairs = this.#values.pairs(item);
    if (pairs.length === 0)
      throw new Refusal("a parameter that is no `name: value`", "Salt would refuse it, too.", at);
    for (const [name, value, key] of pairs) {
      if (args.has(name)) throw new Refusal(`\`${name}\` is said twice`, "Say it once.", at);
      args.set(name, this.#values.arg(value, this.#values.placeOf(key)));
    }
  }

  #one(
    id: string,
    dotted: string,
    { args, at }: { args: Map<string, Arg>; at: Place },
  ): SlsFile["extend"][number] {
    const [module = "", fun, ...more] = dotted.split(".");
    if (more.length > 0)
      throw new Refusal(`more than one function under \`${module}\``, "Give each an id of its own.", at);
    return { id, module, fun, args, at, sls: this.#sls };
  }
}

function whole(one: SlsFile["extend"][number]): Written {
  if (one.fun === undefined || one.fun === "")
    throw new Refusal(`\`${one.module}\` names no function`, "Salt would refuse it, too.", one.at);
  return { ...one, fun: one.fun };
}
