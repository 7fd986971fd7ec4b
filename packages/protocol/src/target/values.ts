import type { Grains, GrainValue } from "../grains.ts";
import type { Pattern } from "./pattern.ts";
import { parseQuantity } from "./quantity.ts";

type GrainMap = { readonly [key: string]: GrainValue };

const isList = (value: GrainValue): value is readonly GrainValue[] => Array.isArray(value);
const isMap = (value: GrainValue): value is GrainMap =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/**
 * Everything that a path leads to. A step into a list goes into each member that
 * can be stepped into, or to the member of that number; the step `*` goes into
 * every value of a map. Only a map's own keys count, whatever they are called.
 */
export function valuesAt(tree: Grains, keys: readonly string[]): readonly GrainValue[] {
  let reached: GrainValue[] = [tree];
  for (const key of keys) {
    const next: GrainValue[] = [];
    for (const value of reached) step(value, key, next);
    if (next.length === 0) return next;
    reached = next;
  }
  return reached;
}

function step(value: GrainValue, key: string, reached: GrainValue[]): void {
  if (isList(value)) {
    const member = /^\d{1,9}$/.test(key) ? value[Number(key)] : undefined;
    if (member !== undefined) reached.push(member);
    for (const each of value) step(each, key, reached);
  } else if (isMap(value)) {
    if (Object.hasOwn(value, key)) reached.push(value[key]!);
    else if (key === "*") reached.push(...Object.values(value));
  }
}

/** A list fits if any member does, a map if any of its keys does, and `*` fits whatever is there. */
export function fitsPattern(value: GrainValue, pattern: Pattern): boolean {
  if (value === null) return false;
  if (pattern.any) return true;
  if (isList(value)) return value.some((member) => fitsPattern(member, pattern));
  if (isMap(value)) return Object.keys(value).some((key) => pattern.matches(key));
  return pattern.matches(String(value));
}

/** The members of a list, however nested, or the value itself; maps hold nothing to compare with. */
export function scalarsOf(value: GrainValue): readonly (string | number | boolean)[] {
  if (isList(value)) return value.flatMap(scalarsOf);
  return value === null || isMap(value) ? [] : [value];
}

/** What a grain is as a number: itself, or text such as `8` or `16384 kB`. */
export function numberOf(value: string | number | boolean): number | undefined {
  if (typeof value === "number") return value;
  return typeof value === "string" ? parseQuantity(value) : undefined;
}

/** Every text in a value, and every key: network grains come as lists, or as maps by interface. */
export function textsIn(value: GrainValue): readonly string[] {
  if (typeof value === "string") return [value];
  if (isList(value)) return value.flatMap(textsIn);
  if (isMap(value)) return Object.entries(value).flatMap(([key, inner]) => [key, ...textsIn(inner)]);
  return [];
}
