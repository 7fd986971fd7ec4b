/** What stands in an event at a path, and whether that is what a notifier waits for. */
import { compileGlob, type SequencedEvent } from "@boma/protocol";
import type { Condition, WantedValue } from "@boma/states/core";

export function valueAt(event: SequencedEvent, path: string): unknown {
  let value: unknown = event;
  for (const name of path.split(".")) {
    if (typeof value !== "object" || value === null || !Object.hasOwn(value, name)) return undefined;
    value = (value as Record<string, unknown>)[name];
  }
  return value;
}

export const holds = (event: SequencedEvent, condition: Condition): boolean =>
  Object.entries(condition).every(([path, wanted]) => fits(valueAt(event, path), wanted));

function fits(value: unknown, wanted: WantedValue): boolean {
  if (typeof wanted !== "object") return is(value, wanted);
  if (Array.isArray(wanted)) return wanted.some((one) => is(value, one));
  const { not, there, ...bounds } = wanted;
  if (there !== undefined && (value !== undefined) !== there) return false;
  if (not !== undefined && [not].flat().some((one) => is(value, one))) return false;
  return Object.entries(bounds).every(([name, bound]) => within(value, name as keyof typeof bounds, bound!));
}

function within(value: unknown, name: "atLeast" | "atMost" | "above" | "below", bound: number): boolean {
  if (typeof value !== "number") return false;
  if (name === "atLeast") return value >= bound;
  if (name === "atMost") return value <= bound;
  return name === "above" ? value > bound : value < bound;
}

/** Of a list any member will do. */
function is(value: unknown, wanted: string | number | boolean): boolean {
  if (Array.isArray(value)) return value.some((member) => is(member, wanted));
  if (typeof wanted === "string") return typeof value === "string" && compileGlob(wanted).matches(value);
  return value === wanted;
}
