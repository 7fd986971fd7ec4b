/**
 * A tree as YAML: a list of declarations, the state's name and key first. It
 * gives the same declarations as TypeScript does, and there is no templating of
 * structure: `${pillar.port}` stands for a value inside a scalar, no more.
 */
import { BomaError, closest } from "@boma/protocol";
import {
  type Document,
  isMap,
  isScalar,
  isSeq,
  LineCounter,
  type Node,
  type Pair,
  parseDocument,
  type YAMLMap,
} from "yaml";
import { z } from "zod";

import { checkParams } from "../check-params.ts";
import {
  type Declaration,
  declare,
  type Origin,
  REQUISITES,
  REQUISITES_IN,
  setOrigin,
} from "../declaration.ts";
import { secret } from "../secret.ts";
import type { AnySpec } from "../state-spec.ts";
import { type Known, type Tree, tree } from "../tree.ts";
import { fill } from "./fill.ts";

const BYTES_MAX = 4 * 1024 * 1024;
const ALIASES_MAX = 100;
const COMMON = ["unless", "onlyIf", "creates", "retry", "timeout", "order", "failHard", "drift", "stage"];

export type StateSpecs = Readonly<Record<string, AnySpec>>;

/** One item of the list, read as far as it goes without knowing the node. */
interface Item {
  readonly spec: AnySpec;
  readonly key: Node;
  readonly pairs: readonly Pair<Node, Node>[];
  readonly at: Node;
}

export function parseTree(text: string, file: string, states: StateSpecs): Tree {
  const place = placeIn(file, text);
  const items = readItems(text, place, states);
  return tree((known) => items.map((item) => declared(item, known, place)));
}

/** Errors and origins by line and column. */
interface Place {
  readonly lines: LineCounter;
  origin(node: Node | null | undefined): Origin;
  fault(node: Node | null | undefined, message: string, hint?: string): BomaError;
}

function placeIn(file: string, text: string): Place {
  const lines = new LineCounter();
  const rows = text.split("\n");
  const originAt = (offset: number): Origin => {
    const { line, col } = lines.linePos(offset);
    return { file, line: Math.max(1, line), column: Math.max(1, col) };
  };
  const origin = (node: Node | null | undefined): Origin => originAt(node?.range?.[0] ?? 0);
  return {
    lines,
    origin,
    fault(node, message, hint) {
      const { line, column } = origin(node);
      const row = rows[line - 1] ?? "";
      const caret = `${" ".repeat(Math.max(0, column - 1))}^`;
      return new BomaError("site/yaml", `${file}:${line}:${column}: ${message}\n  ${row}\n  ${caret}`, {
        ...(hint !== undefined && { hint }),
      });
    },
  };
}

function readItems(text: string, place: Place, states: StateSpecs): readonly Item[] {
  if (text.length > BYTES_MAX) throw place.fault(undefined, `the file is larger than ${BYTES_MAX} bytes`);
  const document = parseDocument(text, {
    lineCounter: place.lines,
    customTags: [{ tag: "!secret", resolve: (value: string) => secret(value) }],
    prettyErrors: false,
  });
  const [error] = document.errors;
  if (error) throw place.fault({ range: error.pos } as unknown as Node, error.message);
  if (text.includes("*")) assertBounded(document, place);
  const { contents } = document;
  if (contents === null || (isScalar(contents) && contents.value === null)) return [];
  if (!isSeq(contents))
    throw place.fault(
      contents as Node,
      "a tree is a list of declarations",
      "Begin each with `- state.name: key`.",
    );
  return (contents.items as Node[]).map((item) => readItem(item, place, states));
}

/** Aliases that multiply, or that stand for nothing, are found before anything is made of them. */
function assertBounded(document: Document, place: Place): void {
  try {
    document.toJS({ maxAliasCount: ALIASES_MAX });
  } catch (thrown) {
    throw place.fault(undefined, thrown instanceof Error ? thrown.message : String(thrown));
  }
}

function readItem(item: Node, place: Place, states: StateSpecs): Item {
  if (!isMap(item) || item.items.length === 0)
    throw place.fault(item, "a declaration is `state.name: key` with its parameters below");
  const [first, ...pairs] = (item as YAMLMap<Node, Node>).items;
  const name = textOf(first!.key);
  const spec = Object.hasOwn(states, name) ? states[name] : undefined;
  if (!spec) {
    const near = closest(name, Object.keys(states));
    throw place.fault(
      first!.key,
      `there is no state ${JSON.stringify(name)}`,
      near === undefined ? "`boma-master doc` lists them all." : `Did you mean ${near}?`,
    );
  }
  for (const { key, value } of pairs) {
    assertName(spec, key, place);
    if (REFERRING.has(textOf(key))) assertReferences(value, place);
  }
  return { spec, key: first!.value ?? first!.key, pairs, at: first!.key };
}

const REFERRING: ReadonlySet<string> = new Set([...REQUISITES, ...REQUISITES_IN]);

/** `pkg.installed(nginx)`, or a list of such; a map looks right to whoever comes from Salt. */
function assertReferences(value: Node | null, place: Place): void {
  const one = (node: Node | null): void => {
    if (isScalar(node) && typeof node.value === "string") return;
    throw place.fault(
      node,
      "a requisite names a declaration as one text",
      "Write it as in the output: pkg.installed(nginx).",
    );
  };
  if (isSeq(value)) (value.items as Node[]).forEach(one);
  else one(value);
}

function assertName(spec: AnySpec, key: Node, place: Place): void {
  const name = textOf(key);
  const shape = spec.params.shape as object;
  if (Object.hasOwn(shape, name) && name !== spec.key) return;
  const params = Object.keys(shape).filter((one) => one !== spec.key);
  const names = [...params, ...REQUISITES, ...REQUISITES_IN, ...COMMON];
  if (names.includes(name)) return;
  const near = closest(name, names);
  throw place.fault(
    key,
    `${spec.name} has no parameter \`${name}\``,
    near === undefined ? `It takes: ${params.join(", ")}.` : `Did you mean \`${near}\`?`,
  );
}

const textOf = (node: Node): string => (isScalar(node) ? String(node.value) : "");

function declared({ spec, key, pairs, at }: Item, known: Known, place: Place): Declaration {
  const value = (node: Node | null): unknown => valueOf(node, known, place);
  const params = Object.fromEntries(pairs.map((pair) => [textOf(pair.key), value(pair.value)]));
  const keyValue = value(key);
  try {
    const made = declare(spec, keyValue, params);
    setOrigin(made, place.origin(at));
    return made;
  } catch (thrown) {
    if (!(thrown instanceof BomaError)) throw thrown;
    assertParams(spec, { ...params, [spec.key]: keyValue }, { pairs, key, place });
    throw place.fault(at, thrown.message, thrown.hint);
  }
}

/** A wrong value is told at its own place, not at that of its declaration. */
function assertParams(
  spec: AnySpec,
  params: Record<string, unknown>,
  { pairs, key, place }: { readonly pairs: Item["pairs"]; readonly key: Node; readonly place: Place },
): void {
  const own = Object.keys(spec.params.shape as object);
  const mine = Object.fromEntries(Object.entries(params).filter(([name]) => own.includes(name)));
  try {
    checkParams(spec, mine);
  } catch (thrown) {
    const { cause } = thrown as Error;
    const issue = cause instanceof z.ZodError ? cause.issues[0] : undefined;
    if (!issue) throw thrown instanceof BomaError ? place.fault(key, thrown.message, thrown.hint) : thrown;
    const [name, ...rest] = issue.path;
    const pair = pairs.find((one) => textOf(one.key) === name);
    const inner =
      pair && rest.length > 0 && (isMap(pair.value) || isSeq(pair.value))
        ? (pair.value.getIn(rest as string[], true) as Node | undefined)
        : undefined;
    const what = name === undefined ? spec.name : `\`${String(name)}\``;
    throw place.fault(
      inner ?? pair?.value ?? key,
      `${what}: ${issue.message}`,
      `\`boma-master doc ${spec.name}\` shows what it takes.`,
    );
  }
}

/** A node's value as plain data, with what `${…}` stands for in its places. */
function valueOf(node: Node | null, known: Known, place: Place): unknown {
  if (node === null) return null;
  if (isMap(node))
    return Object.fromEntries(
      (node as YAMLMap<Node, Node>).items.map((pair) => [
        textOf(pair.key),
        valueOf(pair.value, known, place),
      ]),
    );
  if (isSeq(node)) return (node.items as Node[]).map((item) => valueOf(item, known, place));
  if (!isScalar(node)) throw place.fault(node, "aliases cannot stand here", "Write the value itself.");
  if (typeof node.value !== "string") return node.value;
  try {
    return fill(node.value, known);
  } catch (thrown) {
    if (!(thrown instanceof BomaError)) throw thrown;
    throw place.fault(node, thrown.message, thrown.hint);
  }
}
