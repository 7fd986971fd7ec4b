/**
 * Runs the file of a bundle and takes the states out of it. A required file
 * loads the same way from source, from our own bundle and from a single
 * executable, where `import()` of a file is not possible.
 */
import { createRequire } from "node:module";

import { BomaError } from "@boma/protocol";
import * as statesOfBoma from "@boma/states";
import type { AnySpec } from "@boma/states";
import { z } from "zod";

export type Specs = Readonly<Record<string, AnySpec>>;

/** By this name a bundle finds the states' language, which is that of the agent and not a copy. */
const SHARED = Symbol.for("boma.states");

const fn = z.custom<() => unknown>((value) => typeof value === "function", "expected a function");
const Kinds = z.array(
  z.tuple([
    z.string(),
    z.custom<{ readonly spec: object }>(
      (value) => typeof value === "function" && typeof (value as { spec?: unknown }).spec === "object",
      "the file's default export is not what `defineState` gives",
    ),
  ]),
);
const Spec = z.looseObject({
  name: z.string(),
  key: z.string(),
  params: z.custom<object>((value) => typeof value === "object" && value !== null, "expected a schema"),
  check: fn,
  apply: fn,
});

/** Throws whatever the code throws, and says in clear words what is not as it must be. */
export function loadBundle(path: string, names: readonly string[], builtIn: Specs): Specs {
  Object.defineProperty(globalThis, SHARED, { value: statesOfBoma, configurable: true });
  const loaded = requireFile(path);
  const kinds = Kinds.safeParse(loaded.kinds);
  if (!kinds.success) throw unfit(`it holds no states: ${z.prettifyError(kinds.error)}`);
  const specs: Record<string, AnySpec> = {};
  for (const [name, { spec }] of kinds.data) {
    const read = Spec.safeParse(spec);
    if (!read.success) throw unfit(`${name} is not a state: ${z.prettifyError(read.error)}`);
    if (read.data.name !== name) throw unfit(`${name} calls itself ${JSON.stringify(read.data.name)}`);
    if (Object.hasOwn(builtIn, name))
      throw unfit(`${name} is a state of boma's own already: give it another name`);
    if (Object.hasOwn(specs, name)) throw unfit(`${name} is in it twice`);
    specs[name] = spec as AnySpec;
  }
  const brings = Object.keys(specs).toSorted().join(", ");
  if (brings !== names.toSorted().join(", "))
    throw unfit(`it brings ${brings || "nothing"}, but ${names.join(", ")} was signed`);
  return specs;
}

function requireFile(path: string): { readonly kinds?: unknown } {
  const require = createRequire(path);
  try {
    return require(path) as { kinds?: unknown };
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw unfit(`its code fails when it is loaded: ${why}`, cause);
  }
}

const unfit = (why: string, cause?: unknown): BomaError =>
  new BomaError(
    "bundle/refused",
    `the site's states cannot be used: ${why}`,
    cause === undefined ? {} : { cause },
  );
