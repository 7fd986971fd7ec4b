/** Pillar of one node: layers in the order in which they were written. Maps merge, everything else is replaced. */
import { isSecret } from "@boma/states/core";

import { type Place, SiteError } from "./site-error.ts";

export interface Layer {
  readonly data: unknown;
  readonly file: string;
  readonly lineOf?: ((path: readonly (string | number)[]) => number | undefined) | undefined;
}

export interface PillarLeaf {
  readonly path: readonly string[];
  readonly value: unknown;
  readonly file: string;
  readonly line?: number | undefined;
}

const DEPTH_MAX = 32;
const LEAVES_MAX = 100_000;

type Merged = Map<string, Merged> | Omit<PillarLeaf, "path">;
const isMap = (merged: Merged | undefined): merged is Map<string, Merged> => merged instanceof Map;

export interface MergedPillar {
  readonly value: Record<string, unknown>;
  readonly leaves: readonly PillarLeaf[];
}

export function mergePillar(layers: readonly Layer[]): MergedPillar {
  const all: Map<string, Merged> = new Map();
  for (const layer of layers) {
    if (!isPlainMap(layer.data)) throw wrong(layer, [], "pillar is a map of names to values");
    mergeInto(all, layer.data, [], layer);
  }
  const leaves = [...leavesOf(all, [])];
  if (leaves.length > LEAVES_MAX)
    throw new SiteError("site/pillar", `the pillar of one node has more than ${LEAVES_MAX} values`);
  return { value: plain(all) as Record<string, unknown>, leaves };
}

function mergeInto(into: Map<string, Merged>, data: object, path: readonly string[], layer: Layer): void {
  if (path.length > DEPTH_MAX) throw wrong(layer, path, `maps are nested more than ${DEPTH_MAX} deep`);
  for (const [name, value] of Object.entries(data)) {
    if (value === undefined) continue;
    const at = [...path, name];
    if (name === "__proto__") throw wrong(layer, at, "a name that cannot be used");
    if (!isPlainMap(value)) {
      into.set(name, { value: copied(value, at, layer), file: layer.file, line: layer.lineOf?.(at) });
      continue;
    }
    const before = into.get(name);
    const map: Map<string, Merged> = isMap(before) ? before : new Map();
    into.set(name, map);
    mergeInto(map, value, at, layer);
  }
}

/** A value of its own, so that no tree can change what another node is given. */
function copied(value: unknown, path: readonly string[], layer: Layer, depth = 0): unknown {
  if (value === null || ["string", "boolean"].includes(typeof value) || Number.isFinite(value)) return value;
  if (isSecret(value)) return value;
  if (depth > DEPTH_MAX) throw wrong(layer, path, `values are nested more than ${DEPTH_MAX} deep`);
  if (Array.isArray(value)) return value.map((member) => copied(member, path, layer, depth + 1));
  if (isPlainMap(value))
    return Object.fromEntries(
      Object.entries(value).map(([name, member]) => [
        name,
        copied(member, [...path, name], layer, depth + 1),
      ]),
    );
  if (value instanceof Promise) throw wrong(layer, path, "pillar is computed at once: this is a promise");
  throw wrong(layer, path, `pillar is plain data: this is of type ${typeof value}`);
}

function isPlainMap(value: unknown): value is Record<string, unknown> {
  if (typeof value !== "object" || value === null || Array.isArray(value) || isSecret(value)) return false;
  const prototype = Object.getPrototypeOf(value) as unknown;
  return prototype === null || prototype === Object.prototype;
}

function wrong(layer: Layer, path: readonly string[], what: string): SiteError {
  const place: Place = { file: layer.file, line: layer.lineOf?.(path) };
  return new SiteError("site/pillar", path.length === 0 ? what : `${path.join(".")}: ${what}`, { place });
}

function plain(merged: Merged): unknown {
  if (!isMap(merged)) return merged.value;
  return Object.fromEntries([...merged].map(([name, member]) => [name, plain(member)]));
}

function* leavesOf(map: Map<string, Merged>, path: readonly string[]): Generator<PillarLeaf> {
  for (const [name, member] of map)
    if (isMap(member) && member.size > 0) yield* leavesOf(member, [...path, name]);
    else yield { path: [...path, name], ...(isMap(member) ? { value: {}, file: "" } : member) };
}
