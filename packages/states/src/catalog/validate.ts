/**
 * A catalog as an agent takes it: it trusts the master's signature, not its
 * compiler. What does not hold here is not begun.
 */
import { asBomaError, BomaError, closest } from "@boma/protocol";
import { z } from "zod";

import { checkParams } from "../check-params.ts";
import { idOf, type Requisite } from "../declaration.ts";
import { secretsIn } from "../secret.ts";
import type { AnySpec } from "../state-spec.ts";
import { Catalog, type CatalogEntry } from "./catalog.ts";
import { claimOwners } from "./claims.ts";
import { type Faults, faults as noFaults } from "./faults.ts";

const MESSAGE_MAX = 4000;

export function validateCatalog(value: unknown, states: Readonly<Record<string, AnySpec>>): Catalog {
  const read = Catalog.safeParse(value);
  if (!read.success)
    throw new BomaError(
      "state/catalog",
      `the catalog is not of its form:\n${z.prettifyError(read.error).slice(0, MESSAGE_MAX)}`,
    );
  const { data: catalog } = read;
  const faults = noFaults();
  const places = new Map<string, number>();
  catalog.entries.forEach(({ id }, index) => {
    if (places.has(id)) faults.add({ code: "state/duplicate", message: `${id} is in the catalog twice` });
    places.set(id, index);
  });
  const known = catalog.entries.filter((entry) => isKnown(entry, states, faults));
  for (const entry of known) assertParams(entry, catalog, states[entry.state]!, faults);
  catalog.entries.forEach((entry, index) => assertPlaces(entry, index, places, faults));
  for (const entry of known) assertRefreshes(entry, states[entry.state]!, faults);
  claimOwners(
    known.map(({ id, state, params, origin }) => ({ id, spec: states[state]!, params, origin })),
    faults,
  );
  faults.raise();
  return catalog;
}

function isKnown({ id, state }: CatalogEntry, states: Readonly<Record<string, AnySpec>>, faults: Faults) {
  if (Object.hasOwn(states, state)) return true;
  const near = closest(state, Object.keys(states));
  faults.add({
    code: "state/unknown",
    message: `${id}: this agent knows no state ${state}`,
    hint: near === undefined ? undefined : `The nearest that it knows is \`${near}\`.`,
  });
  return false;
}

/** A key is as somebody wrote it, `nginx`; the parameter is what the schema makes of it, `nginx.service`. */
function readKey(spec: AnySpec, key: string): string {
  const shape = spec.params.shape as Readonly<Record<string, z.ZodType>>;
  const read = shape[spec.key]!.safeParse(key);
  return read.success ? String(read.data) : key;
}

function assertParams(entry: CatalogEntry, catalog: Catalog, spec: AnySpec, faults: Faults): void {
  const { id, state, key, params } = entry;
  if (id !== idOf(state, key) || String(params[spec.key]) !== readKey(spec, key))
    faults.add({ code: "state/catalog", message: `${id} is not the name of ${state} with the key ${key}` });
  try {
    checkParams(spec, params);
  } catch (thrown) {
    const { code, message } = asBomaError(thrown);
    faults.add({ code, message: `${id}: ${message}` });
  }
  const unlisted = secretsIn(params).filter((reference) => !Object.hasOwn(catalog.secrets, reference));
  if (unlisted.length > 0)
    faults.add({
      code: "state/catalog",
      message: `${id} refers to secrets that the catalog does not list: ${unlisted.join(", ")}`,
    });
}

/** In a catalog order is everything: where each comes in its place, no circle is possible. */
function assertPlaces(
  { id, requisites, after }: CatalogEntry,
  index: number,
  places: ReadonlyMap<string, number>,
  faults: Faults,
): void {
  const all: [string, readonly string[]][] = [...Object.entries(requisites), ["after", after]];
  for (const [name, ids] of all)
    for (const other of ids) {
      const place = places.get(other);
      if (place === undefined)
        faults.add({
          code: "state/reference",
          message: `${id}: ${name} names ${other}, which is not in the catalog`,
        });
      else if (name === "listen") continue;
      else if (name === "prereq" ? place <= index : place >= index)
        faults.add({
          code: "state/cycle",
          message: `${id}: ${name} names ${other}, which does not come ${name === "prereq" ? "after" : "before"} it`,
        });
    }
}

const REFRESHING: readonly Requisite[] = ["watch", "watchAny", "listen"];

function assertRefreshes({ id, state, requisites }: CatalogEntry, spec: AnySpec, faults: Faults): void {
  const name = REFRESHING.find((one) => requisites[one]);
  if (name && !spec.refresh)
    faults.add({ code: "state/catalog", message: `${id}: ${state} cannot refresh, so it cannot ${name}` });
}
