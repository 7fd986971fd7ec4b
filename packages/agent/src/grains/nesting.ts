/** How deep a custom grain goes: the schema recurses, so this is asked before it. */

/** Half of what a message may have, so that an envelope has room around it. */
export const NESTING_MAX = 12;

/** Levels of nesting; counted without recursion beyond the bound, as the value may be an attack. */
export function depthOf(value: unknown, bound = NESTING_MAX): number {
  if (typeof value !== "object" || value === null) return 0;
  if (bound < 0) return 1;
  return 1 + Math.max(0, ...Object.values(value).map((one) => depthOf(one, bound - 1)));
}

/** The wire refuses this key, at any level. */
export function hasForbiddenKey(value: unknown): boolean {
  if (typeof value !== "object" || value === null) return false;
  return Object.entries(value).some(([key, one]) => key === "__proto__" || hasForbiddenKey(one));
}
