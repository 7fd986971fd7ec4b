import type { AnySpec } from "./state-spec.ts";
import { states } from "./states.gen.ts";

/** The states of boma's own by their names, as the compiler and the engine ask for them. */
export const builtInSpecs: Readonly<Record<string, AnySpec>> = Object.fromEntries(
  Object.entries(states).map(([name, { spec }]) => [name, spec]),
);
