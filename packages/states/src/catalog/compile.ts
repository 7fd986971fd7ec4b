/** From declarations to the catalog of one node. Pure: the same declarations give the same catalog. */
import { BomaError, KEY_LENGTH_MAX, parseDuration } from "@boma/protocol";

import { type Declaration, type Origin, originOf } from "../declaration.ts";
import { secretsIn } from "../secret.ts";
import { type Catalog, CATALOG_ENTRIES_MAX, type CatalogEntry, DURATION_MS_MAX } from "./catalog.ts";
import { afterOf, awaitsOf, type Claimant, claimOwners, readOr, warningsOf, wholeOf } from "./claims.ts";
import { type Faults, faults as noFaults, named } from "./faults.ts";
import { gather, type Gathered, type Sources } from "./gather.ts";
import { withNeeds } from "./needs.ts";
import { type Edge, ordered, rankOf, type Step } from "./order.ts";
import { type Hangs, resolveRequisites } from "./requisites.ts";

/** `specs`: the kinds of state, for declarations that came as plain data; `site`: its files. */
export interface CompileOptions extends Sources {
  readonly bundle?: string | null;
  /** The keyed tag of a secret's value; empty where nobody knows it yet. */
  readonly secretTag?: (reference: string) => string;
}

export interface Warning {
  readonly message: string;
  readonly origin?: Origin;
}

export interface Compiled {
  readonly catalog: Catalog;
  readonly warnings: readonly Warning[];
}

/** How long a retry waits where it is not said. */
const RETRY_INTERVAL_MS = 5000;

export function compileCatalog(
  declarations: readonly Declaration[],
  { bundle = null, secretTag = () => "", ...sources }: CompileOptions = {},
): Compiled {
  const faults = noFaults();
  const all = withNeeds(gather(declarations, sources, faults), faults);
  if (all.size > CATALOG_ENTRIES_MAX)
    throw new BomaError(
      "state/catalog",
      `${all.size} declarations are more than the ${CATALOG_ENTRIES_MAX} that a catalog holds`,
    );
  const hangs = resolveRequisites(all, faults);
  const claimants = [...all].map(([id, { declaration, spec, params }]): Claimant => {
    return { id, spec, params, options: declaration.options, origin: originOf(declaration) };
  });
  const after = afterEdges(claimants, faults);
  const parts = [...all].map(([id, gathered]): Part => {
    return { ...gathered, hangs: hangs.get(id) ?? {}, after: after.get(id)! };
  });
  const order = orderOf(parts, faults);
  const entries = order.map((index) => entryOf(parts[index]!, faults));
  const warnings = claimants.flatMap((claimant) =>
    readOr(claimant, warningsOf, faults).map((message): Warning => ({
      message: `${claimant.id}: ${message}`,
      ...(claimant.origin && { origin: claimant.origin }),
    })),
  );
  faults.raise();
  const references = entries.flatMap(({ params }) => secretsIn(params)).sort();
  const secrets = Object.fromEntries(references.map((reference) => [reference, secretTag(reference)]));
  return { catalog: { format: 1, bundle, entries, secrets }, warnings };
}

interface Part extends Gathered {
  readonly hangs: Hangs;
  readonly after: readonly string[];
}

/** For each declaration the owners of what its state wants to come after. */
function afterEdges(claimants: readonly Claimant[], faults: Faults): ReadonlyMap<string, readonly string[]> {
  const owners = claimOwners(claimants, faults);
  const parts = Map.groupBy(owners.keys(), wholeOf);
  return new Map(
    claimants.map((claimant) => {
      const found = readOr(claimant, afterOf, faults).flatMap((claim) => {
        const owner = owners.get(claim);
        if (owner !== undefined) return [owner];
        // Nobody owns the whole of it: then those of its parts, unless this is one of them.
        const of = (parts.get(claim) ?? []).map((part) => owners.get(part)!);
        return of.includes(claimant.id) ? [] : of;
      });
      return [claimant.id, [...new Set(found)].filter((id) => id !== claimant.id)];
    }),
  );
}

function orderOf(parts: readonly Part[], faults: Faults): readonly number[] {
  const indexOf = new Map(parts.map(({ declaration }, index) => [declaration.id, index]));
  const edges: Edge[][] = parts.map(() => []);
  parts.forEach(({ hangs, after }, index) => {
    for (const [kind, ids] of Object.entries(hangs))
      for (const id of ids) {
        const on = indexOf.get(id)!;
        // What listens waits for the end of the run, not for its place in the order.
        if (kind === "prereq") edges[on]!.push({ on: index, kind });
        else if (kind !== "listen") edges[index]!.push({ on, kind });
      }
    for (const id of after) edges[index]!.push({ on: indexOf.get(id)!, kind: "after" });
  });
  const wanted = parts
    .map(({ declaration }, index) => ({ index, rank: rankOf(declaration.options.order) }))
    .sort((a, b) => a.rank[0] - b.rank[0] || a.rank[1] - b.rank[1] || a.index - b.index)
    .map(({ index }) => index);
  const position = new Map(wanted.map((index, at) => [index, at]));
  for (const mine of edges) mine.sort((a, b) => position.get(a.on)! - position.get(b.on)!);
  const { order, cycles } = ordered(wanted, (index) => edges[index]!);
  for (const cycle of cycles) faults.add(cycleFault(cycle, parts));
  return order;
}

function cycleFault(cycle: readonly Step[], parts: readonly Part[]) {
  const declarations = cycle.map(({ index }) => parts[index]!.declaration);
  const next = (at: number): Declaration => declarations[(at + 1) % declarations.length]!;
  const path = [...declarations, next(-1)].map(({ id }) => id).join(" → ");
  const arrows = cycle.map(({ kind }, at) => {
    const [from, to] = [named(declarations[at]!), next(at).id];
    if (kind === "prereq") return `${from} comes after ${to}, which has it as prereq`;
    if (kind === "after") return `${from} comes after ${to}, which it builds on`;
    return `${from} has ${to} as ${kind}`;
  });
  return {
    code: "state/cycle",
    message: `these wait for each other: ${path}\n${arrows.map((arrow) => `  ${arrow}`).join("\n")}`,
  } as const;
}

function entryOf({ declaration, spec, params, hangs, after }: Part, faults: Faults): CatalogEntry {
  const { id, state, key, options } = declaration;
  const { unless, onlyIf, creates, retry, timeout, failHard, drift, stage = spec.stage } = options;
  const origin = originOf(declaration);
  if (key.length > KEY_LENGTH_MAX)
    faults.add({ code: "state/params", message: `${named(declaration).slice(0, 200)}: the key is too long` });
  const duration = (name: string, text: string, least: number): number => {
    const ms = parseDuration(text);
    if (ms < least || ms > DURATION_MS_MAX)
      faults.add({
        code: "state/params",
        message: `${named(declaration)}: ${name} ${text} is not within 1ms and 7d`,
      });
    return ms;
  };
  return {
    id,
    state,
    key,
    params,
    requisites: hangs,
    after: [...after],
    ...(unless && { unless }),
    ...(onlyIf && { onlyIf }),
    ...(creates && { creates }),
    ...(retry && {
      retry: {
        attempts: retry.attempts,
        intervalMs:
          retry.interval === undefined ? RETRY_INTERVAL_MS : duration("retry.interval", retry.interval, 0),
      },
    }),
    ...(timeout !== undefined && { timeoutMs: duration("timeout", timeout, 1) }),
    ...(failHard && { failHard }),
    ...(drift && { drift }),
    ...(stage && {
      stage,
      ...(spec.awaits && { awaits: [...readOr({ id, spec, params }, awaitsOf, faults)] }),
    }),
    ...(origin && { origin }),
  };
}
