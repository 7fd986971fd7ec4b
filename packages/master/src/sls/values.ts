/** A YAML node as Salt's own reader has it: YAML 1.1, but a number keeps the digits that were written. */
import { type Document, isAlias, isMap, isScalar, isSeq, type Node, type Pair } from "yaml";

import { type Place, Refusal, Unreadable } from "./finding.ts";

export type Value = string | number | boolean | null | readonly Value[] | { readonly [key: string]: Value };

/** A value with the place and, of a scalar, the text from which it was read. */
export interface Arg {
  readonly value: Value;
  readonly source: string | undefined;
  readonly at: Place;
}

export type PlaceOf = (node: Node | null | undefined) => Place;

const NODES_MAX = 200_000;
const DEPTH_MAX = 60;

/** Reads nodes as values; aliases are followed, and all of it is bounded. */
export class Values {
  readonly #document: Document;
  readonly #placeOf: PlaceOf;
  #left = NODES_MAX;

  constructor(document: Document, placeOf: PlaceOf) {
    this.#document = document;
    this.#placeOf = placeOf;
  }

  placeOf(node: Node | null | undefined): Place {
    return this.#placeOf(node);
  }

  arg(node: Node | null | undefined, at: Place): Arg {
    const found = this.#resolve(node);
    const source = isScalar(found) && typeof found.value !== "string" ? found.source : undefined;
    return { value: this.value(found), source, at };
  }

  value(node: Node | null | undefined, depth = 0): Value {
    const found = this.#resolve(node);
    if (--this.#left < 0 || depth > DEPTH_MAX)
      throw new Refusal("it is too large or nested too deeply", "Write it by hand.", this.#placeOf(node));
    if (found === null || found === undefined) return null;
    if (isSeq(found)) return (found.items as Node[]).map((item) => this.value(item, depth + 1));
    if (isMap(found))
      return Object.fromEntries(this.pairs(found).map(([key, value]) => [key, this.value(value, depth + 1)]));
    if (isScalar(found)) return scalar(found.value, found.source);
    return null;
  }

  /** The keys and values of a map, merged ones included; keys as text. */
  pairs(node: Node): readonly (readonly [string, Node | null, Node])[] {
    const map = this.#resolve(node);
    if (!isMap(map)) return [];
    const own: (readonly [string, Node | null, Node])[] = [];
    const merged: (readonly [string, Node | null, Node])[] = [];
    for (const pair of map.items as Pair<Node, Node | null>[]) {
      const key = this.#resolve(pair.key);
      if (--this.#left < 0)
        throw new Refusal("it is too large", "Write it by hand.", this.#placeOf(pair.key));
      const from = this.#resolve(pair.value);
      if (isScalar(key) && (key.source === "<<" || typeof key.value === "symbol"))
        for (const one of isSeq(from) ? (from.items as Node[]) : [from as Node])
          merged.push(...this.pairs(one));
      else own.push([isScalar(key) ? textOf(key.value, key.source) : "", pair.value, pair.key]);
    }
    const names = new Set<string>();
    for (const [name, , key] of own) {
      if (names.has(name))
        throw new Unreadable(
          `the key ${JSON.stringify(name)} is there twice`,
          "Salt would refuse it, too.",
          this.#placeOf(key),
        );
      names.add(name);
    }
    return [...own, ...merged.filter(([name]) => !names.has(name) && names.add(name))];
  }

  #resolve(node: Node | null | undefined): Node | null | undefined {
    return isAlias(node) ? (node.resolve(this.#document) as Node | undefined) : node;
  }
}

const textOf = (value: unknown, source: string | undefined): string =>
  typeof value === "string" ? value : (source ?? String(value));

function scalar(value: unknown, source: string | undefined): Value {
  if (value === null || typeof value === "string" || typeof value === "boolean") return value;
  // Salt reads 0644 as 644, not as octal; and what YAML 1.1 takes for a time, such as 12:30, is kept as it is written.
  if (source !== undefined && /^0\d+$/.test(source)) return Number(source);
  if (typeof value === "number" && Number.isFinite(value) && !/:/.test(source ?? "")) return value;
  return source ?? JSON.stringify(value) ?? "";
}
