/** One property that is not as it should be. `undefined` as `from`: it is not there at all. */
export interface Change<T = unknown> {
  readonly from: T | undefined;
  readonly to: T;
}

/** The properties that differ. An empty object means: in sync. */
export type Changes<T extends object = Record<string, unknown>> = {
  readonly [K in keyof T]?: Change<T[K]>;
};

/**
 * Compares what is with what should be, property by property. A missing thing
 * (`is === undefined`) differs in every property; a property that should be
 * `undefined` is not managed, and so never differs. Lists and records compare
 * by content, in order.
 */
export function diff<T extends object>(
  is: { readonly [K in keyof T]?: T[K] | undefined } | undefined,
  should: { readonly [K in keyof T]: T[K] | undefined },
): Changes<{ [K in keyof T]: Exclude<T[K], undefined> }> {
  const changes: Record<string, Change> = {};
  for (const [key, to] of Object.entries(should)) {
    if (to === undefined) continue;
    const from = is?.[key as keyof T];
    if (!isSame(from, to)) changes[key] = { from, to };
  }
  return changes as Changes<{ [K in keyof T]: Exclude<T[K], undefined> }>;
}

export const inSync = (changes: object): boolean => Object.keys(changes).length === 0;

/** Same content: numbers, texts, bytes, and lists and records of them. */
export function isSame(a: unknown, b: unknown): boolean {
  if (Object.is(a, b)) return true;
  if (typeof a !== "object" || typeof b !== "object" || a === null || b === null) return false;
  if (a instanceof Uint8Array || b instanceof Uint8Array)
    return a instanceof Uint8Array && b instanceof Uint8Array && Buffer.compare(a, b) === 0;
  if (Array.isArray(a) !== Array.isArray(b)) return false;
  const [left, right] = [Object.entries(a), Object.entries(b)];
  return (
    left.length === right.length &&
    left.every(([key, value]) => Object.hasOwn(b, key) && isSame(value, (b as Record<string, unknown>)[key]))
  );
}
