/** The few expressions of Jinja that need no Salt to be understood: literals, variables, pillar and grains. */
import { grainOf } from "./grains.ts";

export type Literal =
  | string
  | number
  | boolean
  | null
  | readonly Literal[]
  | { readonly [key: string]: Literal };
export type Meaning =
  | { readonly kind: "literal"; readonly value: Literal }
  | { readonly kind: "path"; readonly path: string; readonly notes: readonly string[] }
  | { readonly kind: "root"; readonly root: "pillar" | "grains"; readonly parts: readonly string[] }
  | { readonly kind: "function"; readonly name: string }
  | { readonly kind: "unknown"; readonly why: string };

export type Variables = ReadonlyMap<string, Meaning>;

const TOKEN = /\s*(?:([A-Za-z_]\w*)|(\d+(?:\.\d+)?)|"((?:[^"\\]|\\.)*)"|'((?:[^'\\]|\\.)*)'|(\S))/gy;
const DEPTH_MAX = 20;

interface Token {
  readonly kind: "name" | "number" | "text" | "sign";
  readonly text: string;
}

class Unknown extends Error {}

const unknown = (why: string): Unknown => new Unknown(why);

/** Never throws: what is not understood is `unknown`, with the reason. */
export function meaningOf(expression: string, variables: Variables): Meaning {
  try {
    const reader = new Reader(tokensOf(expression), variables);
    const meaning = reader.read(0);
    reader.end();
    return meaning.kind === "root" ? pathOf(meaning.root, meaning.parts) : meaning;
  } catch (thrown) {
    if (thrown instanceof Unknown) return { kind: "unknown", why: thrown.message };
    throw thrown;
  }
}

function tokensOf(expression: string): readonly Token[] {
  const tokens: Token[] = [];
  TOKEN.lastIndex = 0;
  for (let match = TOKEN.exec(expression); match; match = TOKEN.exec(expression)) {
    const [, name, number, double, single, sign] = match;
    const quoted = double ?? single;
    if (quoted?.includes("\\")) throw unknown("a backslash in a text");
    if (name !== undefined) tokens.push({ kind: "name", text: name });
    else if (number !== undefined) tokens.push({ kind: "number", text: number });
    else if (quoted !== undefined) tokens.push({ kind: "text", text: quoted });
    else tokens.push({ kind: "sign", text: sign! });
  }
  return tokens;
}

const CONSTANTS: Readonly<Record<string, Literal>> = {
  True: true,
  true: true,
  False: false,
  false: false,
  None: null,
  none: null,
};

class Reader {
  readonly #tokens: readonly Token[];
  readonly #variables: Variables;
  #at = 0;

  constructor(tokens: readonly Token[], variables: Variables) {
    this.#tokens = tokens;
    this.#variables = variables;
  }

  read(depth: number): Meaning {
    if (depth > DEPTH_MAX) throw unknown("it is nested too deeply");
    let meaning = this.#first(depth);
    for (;;) {
      if (this.#take(".")) meaning = member(meaning, this.#word());
      else if (this.#take("[")) {
        meaning = member(meaning, this.#constant(depth, "]"));
      } else if (this.#take("(")) meaning = called(meaning, this.#arguments(depth));
      else return meaning;
    }
  }

  end(): void {
    const next = this.#tokens[this.#at];
    if (!next) return;
    if (next.text === "|") {
      throw unknown(`the filter \`|${this.#tokens[this.#at + 1]?.text ?? ""}\``);
    }
    if (next.kind === "name" && ["if", "is", "in", "and", "or", "not"].includes(next.text))
      throw unknown(`\`${next.text}\` in an expression`);
    throw unknown(`\`${next.text}\` in an expression`);
  }

  #first(depth: number): Meaning {
    const token = this.#tokens[this.#at++];
    if (!token) throw unknown("an empty expression");
    if (token.kind === "text") return { kind: "literal", value: token.text };
    if (token.kind === "number") return { kind: "literal", value: Number(token.text) };
    if (token.text === "[") return { kind: "literal", value: this.#arguments(depth, "]") };
    if (token.text === "{") return { kind: "literal", value: this.#map(depth) };
    if (token.text === "-" && this.#tokens[this.#at]?.kind === "number")
      return { kind: "literal", value: -Number(this.#tokens[this.#at++]!.text) };
    if (token.kind !== "name") throw unknown(`\`${token.text}\` in an expression`);
    if (Object.hasOwn(CONSTANTS, token.text)) return { kind: "literal", value: CONSTANTS[token.text]! };
    const variable = this.#variables.get(token.text);
    if (variable?.kind === "unknown") throw unknown(`\`${token.text}\`, which was set from ${variable.why}`);
    if (variable) return variable;
    if (token.text === "pillar" || token.text === "grains")
      return { kind: "root", root: token.text, parts: [] };
    if (token.text === "salt") return { kind: "function", name: "" };
    throw unknown(`the variable \`${token.text}\`, whose value is not in this file`);
  }

  #word(): string {
    const token = this.#tokens[this.#at++];
    if (token?.kind !== "name") throw unknown("what stands behind a dot");
    return token.text;
  }

  #constant(depth: number, end: string): Literal {
    const meaning = this.read(depth + 1);
    if (meaning.kind !== "literal") throw unknown("a value in the place of a name");
    this.#must(end);
    return meaning.value;
  }

  #arguments(depth: number, end = ")"): Literal[] {
    const values: Literal[] = [];
    while (!this.#take(end)) {
      const meaning = this.read(depth + 1);
      if (meaning.kind !== "literal") throw unknown("an argument that is no literal");
      if (this.#tokens[this.#at]?.text === "=") throw unknown("an argument with a name");
      values.push(meaning.value);
      if (!this.#take(",")) {
        this.#must(end);
        break;
      }
    }
    return values;
  }

  #map(depth: number): Literal {
    const entries: [string, Literal][] = [];
    while (!this.#take("}")) {
      const key = this.#constant(depth, ":");
      if (typeof key !== "string") throw unknown("a key that is no text");
      const meaning = this.read(depth + 1);
      if (meaning.kind !== "literal") throw unknown("a map whose values are no literals");
      entries.push([key, meaning.value]);
      if (!this.#take(",")) {
        this.#must("}");
        break;
      }
    }
    return Object.fromEntries(entries);
  }

  #take(sign: string): boolean {
    const token = this.#tokens[this.#at];
    if (token?.kind !== "sign" || token.text !== sign) return false;
    this.#at += 1;
    return true;
  }

  #must(sign: string): void {
    if (this.#take(sign)) return;
    const token = this.#tokens[this.#at];
    if (token?.text === "|") throw unknown(`the filter \`|${this.#tokens[this.#at + 1]?.text ?? ""}\``);
    throw unknown(token ? `\`${token.text}\` in an expression` : "an expression that ends too soon");
  }
}

function member(of: Meaning, name: Literal): Meaning {
  if (typeof name !== "string" && typeof name !== "number") throw unknown("what stands in the brackets");
  const part = String(name);
  if (of.kind === "root") return { ...of, parts: [...of.parts, part] };
  if (of.kind === "path") return { ...of, path: `${of.path}.${plain(part)}` };
  if (of.kind === "function") return { kind: "function", name: of.name === "" ? part : `${of.name}.${part}` };
  if (of.kind === "literal" && typeof of.value === "object" && of.value !== null) {
    const found = Object.hasOwn(of.value, part) ? (of.value as Record<string, Literal>)[part] : undefined;
    if (found !== undefined) return { kind: "literal", value: found };
  }
  throw unknown(`\`${part}\` of what has none`);
}

const DEFAULT = "a default: boma's YAML has none, and a value that is missing is an error";

function called(what: Meaning, given: readonly Literal[]): Meaning {
  const [first] = given;
  // `pillar.get('a')` takes a key; only the functions of Salt go down at colons.
  if (what.kind === "root" && what.parts.at(-1) === "get" && what.parts.length > 0) {
    if (given.length > 1) throw unknown(DEFAULT);
    if (typeof first !== "string") throw unknown("`get` without a name");
    return { ...what, parts: [...what.parts.slice(0, -1), first] };
  }
  if (what.kind === "path" && what.path.endsWith(".get")) {
    if (given.length > 1) throw unknown(DEFAULT);
    if (typeof first !== "string") throw unknown("`get` without a name");
    return { ...what, path: `${what.path.slice(0, -".get".length)}.${plain(first)}` };
  }
  if (what.kind !== "function") throw unknown("a call");
  const root = /^(pillar|grains)\.(get|fetch)$/.exec(what.name)?.[1] as "pillar" | "grains" | undefined;
  if (!root || what.name.endsWith("fetch")) throw unknown(`the function \`${what.name}\``);
  if (given.length > 1) throw unknown(DEFAULT);
  if (typeof first !== "string") throw unknown(`\`${what.name}\` without a name`);
  return { kind: "root", root, parts: first.split(":") };
}

function plain(part: string): string {
  if (/^[^.{}$\s\ue000-\ue0ff][^.{}\ue000-\ue0ff]*$/.test(part)) return part;
  throw unknown(`the name ${JSON.stringify(part)}, which a path of boma cannot hold`);
}

function pathOf(root: "pillar" | "grains", parts: readonly string[]): Meaning {
  if (parts.length === 0) return { kind: "unknown", why: `the whole of \`${root}\`` };
  const names = parts.map(plain);
  if (root === "pillar") return { kind: "path", path: ["pillar", ...names].join("."), notes: [] };
  const grain = grainOf(names);
  if ("why" in grain) return { kind: "unknown", why: grain.why };
  return { kind: "path", path: grain.path, notes: grain.note === undefined ? [] : [grain.note] };
}
