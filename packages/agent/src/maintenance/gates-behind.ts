/** The gates that say whether what was restarted is ready again: those that hang on it, in its own stage. */
import type { AnySpec, Catalog } from "@boma/states/core";

const HANGING = ["require", "requireAny", "watch", "watchAny", "onChanges", "onChangesAny"] as const;

export function gatesBehind(
  { entries }: Catalog,
  restarted: ReadonlySet<string>,
  states: Readonly<Record<string, AnySpec>>,
): ReadonlySet<string> {
  const stages = new Set(entries.filter(({ id }) => restarted.has(id)).map(({ stage }) => stage));
  const behind = new Set(restarted);
  // Entries are in the order in which they run: what hangs on another comes after it.
  for (const { id, requisites } of entries)
    if (HANGING.some((name) => requisites[name]?.some((on) => behind.has(on)))) behind.add(id);
  const gates = entries.filter(
    ({ id, state, stage }) =>
      behind.has(id) &&
      states[state]?.gate === true &&
      // A unit of which nobody said a stage has the gates that hang on it, whatever theirs is.
      (stages.has(stage) || stages.has(undefined)),
  );
  return new Set(gates.map(({ id }) => id));
}
