/** All declarations of a node, those included that only others name, each once. */
import { asBomaError, BomaError } from "@boma/protocol";

import { isSame } from "../changes.ts";
import { checkParams } from "../check-params.ts";
import { type Declaration, originOf, type Reference, specOf } from "../declaration.ts";
import type { AnySpec, SiteSource } from "../state-spec.ts";
import { type Faults, named, placeOf } from "./faults.ts";

export interface Gathered {
  readonly declaration: Declaration;
  readonly spec: AnySpec;
  /** With what the site holds in its place. */
  readonly params: Readonly<Record<string, unknown>>;
}

export type Specs = (state: string) => AnySpec | undefined;
export interface Sources {
  readonly specs?: Specs | undefined;
  readonly site?: SiteSource | undefined;
}

/** In the order in which they were listed; what was pulled in comes after, and is put in its place by what hangs on it. */
export function gather(
  declarations: readonly Declaration[],
  { specs, site }: Sources,
  faults: Faults,
): Map<string, Gathered> {
  const gathered = new Map<string, Gathered>();
  for (const declaration of withNamed(declarations)) {
    const known = gathered.get(declaration.id);
    if (known) {
      assertAlike(known.declaration, declaration, faults);
      continue;
    }
    const spec = specOf(declaration) ?? specs?.(declaration.state);
    if (spec)
      gathered.set(declaration.id, {
        declaration,
        spec,
        params: expanded(declaration, spec, site ?? noSite, faults),
      });
    else
      faults.add({ code: "state/unknown", message: `${named(declaration)}: no state ${declaration.state}` });
  }
  return gathered;
}

/** These, and all that only others name, each once. */
export function withNamed(declarations: Iterable<Declaration>): ReadonlySet<Declaration> {
  const all = new Set(declarations);
  // What is added on the way is gone through as well.
  for (const { requisites } of all)
    for (const reference of Object.values(requisites).flat())
      if (typeof reference === "object") all.add(reference);
  return all;
}

const noSite: SiteSource = {
  bytes: (path) => beyond(path),
  list: (path) => beyond(path),
};

function beyond(path: string): never {
  throw new BomaError("state/params", `there is no site to take ${path} from`);
}

function expanded(
  declaration: Declaration,
  spec: AnySpec,
  site: SiteSource,
  faults: Faults,
): Declaration["params"] {
  if (!spec.expand) return declaration.params;
  try {
    const params = spec.expand(declaration.params as never, site) as Declaration["params"];
    // What was not touched was checked when it was declared.
    return isUntouched(params, declaration.params) ? declaration.params : checkParams(spec, params);
  } catch (thrown) {
    const { code, message, hint } = asBomaError(thrown);
    faults.add({ code, message: `${named(declaration)}: ${message}`, hint });
    return declaration.params;
  }
}

function isUntouched(now: Declaration["params"], before: Declaration["params"]): boolean {
  const names = Object.keys(now);
  return names.length === Object.keys(before).length && names.every((name) => now[name] === before[name]);
}

function assertAlike(one: Declaration, other: Declaration, faults: Faults): void {
  const [left, right] = [contentOf(one), contentOf(other)];
  const names = [...new Set([...Object.keys(left), ...Object.keys(right)])];
  const differing = names.filter((name) => !isSame(left[name], right[name]));
  if (differing.length === 0) return;
  const places = [one, other].map((declaration) => placeOf(originOf(declaration))).filter(Boolean);
  faults.add({
    code: "state/duplicate",
    message: [
      `${one.id} is declared twice, with different ${differing.join(", ")}`,
      ...(places.length > 0 ? [places.join(" and ")] : []),
    ].join(": "),
  });
}

/** What a declaration says, name by name; what it hangs on by id, in no order. */
function contentOf({ params, options, requisites }: Declaration): Record<string, unknown> {
  const hangs = Object.entries(requisites).map(([name, references]) => [
    name,
    [...new Set(references.map(idOfReference))].sort(),
  ]);
  return { ...params, ...options, ...(Object.fromEntries(hangs) as object) };
}

export const idOfReference = (reference: Reference): string =>
  typeof reference === "string" ? reference.trim() : reference.id;
