/**
 * What a site would have to say for a node to be right as it is: the declaration
 * with the values that are there. A proposal for a person, who reads it first;
 * what cannot be known is said in its place.
 */
import type { CatalogEntry } from "@boma/states/core";

import type { DriftedResource } from "./drift-record.ts";

/** TypeScript, with remarks. Everything that comes from the node is a literal here, never code. */
export function adoption(entry: CatalogEntry, drifted: DriftedResource): string {
  const { state, key, params } = entry;
  const names = Object.entries(drifted.changes);
  if (isGone(drifted))
    return [
      ...head(entry),
      "// It is not there at all: take the declaration out, or declare that it be absent.",
      "",
    ].join("\n");
  const remarks: string[] = [];
  const values: Record<string, unknown> = { ...params };
  delete values[keyParameter(entry)];
  for (const [name, change] of names) {
    const remark = remarkOn(name, change, { params, cut: drifted.cut });
    if (remark === undefined) values[name] = change.from;
    else {
      remarks.push(`// ${literal(name)}: ${remark}`);
      if (Object.hasOwn(values, name)) delete values[name];
    }
  }
  const options = Object.entries(values)
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => `  ${property(name)}: ${code(value, 1)},`);
  const call = `${state}(${literal(key)}${options.length > 0 ? `, {\n${options.join("\n")}\n}` : ""}),`;
  return [...head(entry), ...remarks, call, ""].join("\n");
}

const head = ({ id, origin }: CatalogEntry): string[] => [
  `// ${literal(id)}${origin ? `, ${literal(`${origin.file}:${origin.line}`)}` : ""}`,
];

const isGone = ({ changes }: DriftedResource): boolean => {
  const all = Object.values(changes);
  return all.length > 0 && all.every(({ from, diff }) => from === undefined && diff === undefined);
};

/** The parameter that says which thing it is comes first, and not among the others. */
const keyParameter = ({ key, params }: CatalogEntry): string =>
  Object.keys(params).find((name) => params[name] === key) ?? "";

interface Known {
  readonly params: Readonly<Record<string, unknown>>;
  readonly cut: boolean;
}

/** Why what is there cannot be written down; `undefined` where it can. */
function remarkOn(
  name: string,
  { from, diff }: DriftedResource["changes"][string],
  { params, cut }: Known,
): string | undefined {
  const wanted = params[name];
  if (holdsSecret(wanted)) return "it holds a secret, and what is there is not shown: decide by hand";
  if (diff !== undefined)
    return "only the lines that differ are known, not the whole text: look at it on the node";
  if (!Object.hasOwn(params, name))
    return `it is ${literal(from)} on the node, and no parameter of the declaration says that by itself`;
  if (from === undefined) return "it is not there at all";
  // Written as a call, it would send the node a secret that it chose.
  if (holdsSecret(from))
    return `it is ${literal(from)} on the node, which reads like a reference to a secret`;
  if (cut) return "what is there is too long to be kept here: look at it on the node";
  if (wanted !== null && wanted !== undefined && kindOf(wanted) !== kindOf(from))
    return `it is ${literal(from)} on the node, which is not what the parameter takes`;
  return undefined;
}

const kindOf = (value: unknown): string => (Array.isArray(value) ? "list" : typeof value);

const holdsSecret = (value: unknown): boolean =>
  typeof value === "object" &&
  value !== null &&
  ("$secret" in value || "$text" in value || Object.values(value).some(holdsSecret));

/** A value of the catalog as somebody would write it. */
function code(value: unknown, depth: number): string {
  if (typeof value !== "object" || value === null) return literal(value);
  if ("$secret" in value) return `secret(${literal(value.$secret)})`;
  if ("$text" in value && Array.isArray(value.$text)) return textCode(value.$text);
  if (Array.isArray(value)) return `[${value.map((one) => code(one, depth)).join(", ")}]`;
  const indent = "  ".repeat(depth + 1);
  const members = Object.entries(value)
    .filter(([, member]) => member !== undefined)
    .map(([name, member]) => `${indent}${property(name)}: ${code(member, depth + 1)},`);
  return members.length === 0 ? "{}" : `{\n${members.join("\n")}\n${"  ".repeat(depth)}}`;
}

const textCode = (parts: readonly unknown[]): string =>
  `text\`${parts
    .map((part) =>
      typeof part === "string"
        ? literal(part).slice(1, -1).replaceAll('\\"', '"').replaceAll("`", "\\`").replaceAll("${", "\\${")
        : `\${${code(part, 0)}}`,
    )
    .join("")}\``;

const property = (name: string): string => (/^[A-Za-z_$][\w$]*$/.test(name) ? name : literal(name));

/** JSON on one line of plain characters: no quote, no line's end and no direction mark of a node's gets out of it. */
const literal = (value: unknown): string =>
  (
    JSON.stringify(value, (_name, one: unknown) => (typeof one === "bigint" ? String(one) : one)) ?? "nothing"
  ).replace(
    /[\u007f-\u009f\u2028\u2029\u200b-\u200f\u202a-\u202e\u2066-\u2069\ufeff]/g,
    (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
