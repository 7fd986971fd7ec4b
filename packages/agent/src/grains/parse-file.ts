/** What one file of grains.d says, or what is wrong with it and where. */
import { Grains } from "@boma/protocol";
import { isNode, LineCounter, parseDocument, visit, type Document } from "yaml";
import type { core } from "zod";

import { depthOf, hasForbiddenKey, NESTING_MAX } from "./nesting.ts";

const ALIASES_MAX = 100;

type Place = readonly PropertyKey[];

/** JSON is YAML as far as its places go, so one parser finds line and column in both. */
export function parseGrainFile(text: string, path: string): Grains | string {
  const lines = new LineCounter();
  const at = (offset: number) => {
    const { line, col } = lines.linePos(offset);
    return `${path}:${line}:${col}`;
  };
  const document = parseDocument(text, {
    lineCounter: lines,
    strict: true,
    uniqueKeys: true,
    prettyErrors: false,
  });
  const isJson = path.endsWith(".json");
  const faults = [...document.errors, ...document.warnings];
  // What JSON allows and YAML minds does not count, but a name that is there twice does.
  const fault = isJson ? faults.find((one) => one.code === "DUPLICATE_KEY") : faults[0];
  const wrong = isJson ? jsonFault(text) : undefined;
  if (wrong) {
    const offset = notJson(document) ?? faults[0]?.pos[0] ?? text.length;
    return `${wrong.place === undefined ? at(offset) : `${path}:${wrong.place}`}: ${wrong.message}`;
  }
  if (fault) return `${at(fault.pos[0])}: ${fault.message}`;
  const value = (
    isJson && text.trim() !== "" ? JSON.parse(text) : document.toJS({ maxAliasCount: ALIASES_MAX })
  ) as unknown;
  return checkGrains(value ?? {}, (place) => at(offsetOf(document, place)));
}

function checkGrains(value: unknown, where: (place: Place) => string): Grains | string {
  if (depthOf(value) > NESTING_MAX) return `${where([])}: nested deeper than ${NESTING_MAX} levels`;
  if (hasForbiddenKey(value)) return `${where([])}: a grain cannot be called __proto__`;
  const checked = Grains.safeParse(value);
  if (checked.success) return checked.data;
  const issue = deepest(checked.error.issues[0]);
  return `${where(issue.place)}: ${issue.place.length === 0 ? "grains are a map from names to values" : `${issue.place.join(":")}: ${issue.message}`}`;
}

/** Where the first word stands that only YAML would take, as the JSON parser does not always say. */
function notJson(document: Document.Parsed): number | undefined {
  let offset: number | undefined;
  visit(document, {
    Scalar: (_key, node) => {
      const plain = node.type === "PLAIN" && !/^(-?\d[\d.eE+-]*|true|false|null)$/.test(node.source ?? "");
      if (!plain && node.type !== "QUOTE_SINGLE") return undefined;
      offset = node.range?.[0];
      return visit.BREAK;
    },
  });
  return offset;
}

/** YAML allows more than JSON; a file that calls itself JSON is held to it. */
function jsonFault(
  text: string,
): { readonly message: string; readonly place: string | undefined } | undefined {
  try {
    if (text.trim() !== "") JSON.parse(text);
    return undefined;
  } catch (thrown) {
    const message = (thrown as Error).message;
    const place = /line (\d+) column (\d+)/.exec(message);
    return {
      message: message.replace(/\.{3}.*is not/s, "is not"),
      place: place ? `${place[1]}:${place[2]}` : undefined,
    };
  }
}

/** The place of a value, or of the nearest thing around it that has one. */
function offsetOf(document: Document.Parsed, place: Place): number {
  for (let length = place.length; length >= 0; length -= 1) {
    const node = document.getIn(place.slice(0, length), true);
    if (isNode(node) && node.range) return node.range[0];
  }
  return 0;
}

/** A grain is one of several kinds of value; the kind that got furthest says best what is wrong. */
function deepest(issue: core.$ZodIssue | undefined, above: Place = []): { place: Place; message: string } {
  const place = [...above, ...(issue?.path ?? [])];
  const own = {
    place,
    message: issue?.code === "invalid_union" ? "not a value that a grain can hold" : (issue?.message ?? ""),
  };
  if (issue?.code !== "invalid_union") return own;
  const inner = issue.errors.flat().filter((one) => one.code !== "invalid_type" || one.path.length > 0);
  return inner
    .map((one) => deepest(one, place))
    .reduce((best, one) => (one.place.length > best.place.length || best === own ? one : best), own);
}
