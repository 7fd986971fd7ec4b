/** The catalog that this node keeps, with what is needed to look at it: opened anew for each look, so that it costs nothing in between. */
import { BomaError } from "@boma/protocol";
import {
  type AnySpec,
  type CatalogEntry,
  catalogHash,
  type DriftSettings,
  maskOf,
  type Mask,
  type Stage,
  type StateResult,
} from "@boma/states/core";

import type { NodeStates } from "../states/node-states.ts";
import type { CatalogCache, KeptCatalog } from "./catalog-cache.ts";
import { entryDigest } from "./findings.ts";
import { HANDS_OFF, type Modes, modesOf } from "./settings.ts";

export interface KeptEntry extends Modes {
  readonly entry: CatalogEntry;
  readonly spec: AnySpec;
  readonly digest: string;
}

export interface KeptNode {
  readonly kept: KeptCatalog;
  readonly hash: string;
  readonly states: Readonly<Record<string, AnySpec>>;
  readonly entries: ReadonlyMap<string, KeptEntry>;
  readonly mask: Mask;
}

interface OpenPorts {
  readonly cache: CatalogCache;
  readonly states: Pick<NodeStates, "statesOf">;
  readonly settings: DriftSettings;
  readonly now: number | undefined;
  /** Stages that were stopped on purpose. */
  readonly held: ReadonlySet<Stage>;
  readonly signal: AbortSignal;
}

/** A bundle that has to be fetched may take the master; it is not waited for longer. */
const BUNDLE_MS = 20_000;

/** `undefined` where this node keeps none; throws `drift/catalog` where there is one that cannot be used. */
export async function openKept({
  cache,
  states,
  settings,
  now,
  held,
  signal,
}: OpenPorts): Promise<KeptNode | undefined> {
  const kept = await cache.load();
  if (!kept) return undefined;
  const { catalog, secrets } = kept.parcel;
  const specs = await statesFor(kept, states, signal);
  const entries = new Map(
    catalog.entries.map((entry): [string, KeptEntry] => {
      const spec = specs[entry.state];
      if (!spec)
        throw new BomaError(
          "drift/catalog",
          `this agent knows no state ${entry.state}, which ${entry.id} needs`,
        );
      const modes =
        entry.stage && held.has(entry.stage) ? HANDS_OFF : modesOf(entry, spec, { settings, now });
      return [entry.id, { entry, spec, digest: entryDigest(entry), ...modes }];
    }),
  );
  return { kept, hash: catalogHash(catalog), states: specs, entries, mask: maskOf(Object.values(secrets)) };
}

async function statesFor(
  { parcel }: KeptCatalog,
  states: Pick<NodeStates, "statesOf">,
  signal: AbortSignal,
): Promise<KeptNode["states"]> {
  try {
    return await states.statesOf(parcel.catalog, AbortSignal.any([signal, AbortSignal.timeout(BUNDLE_MS)]));
  } catch (cause) {
    signal.throwIfAborted();
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new BomaError("drift/catalog", `the site's own states cannot be loaded: ${why}`, { cause });
  }
}

interface KeptRunPorts {
  readonly states: Pick<NodeStates, "runnerOfKept">;
  readonly signal: AbortSignal;
}

/** A job waits for the node: a look by itself can be made again later. */
export class GaveWay extends Error {
  override readonly name = "GaveWay";
}

interface KeptRun extends KeptRunPorts {
  readonly ids?: ReadonlySet<string> | undefined;
  /** Ends at once, with `GaveWay`, when another run waits for the node. */
  readonly givesWay?: boolean;
}

/** What came of each, whole: a report may be cut, and each is told as it ends. */
export async function runKept(
  { kept }: KeptNode,
  mode: "apply" | "plan",
  { ids, states, signal, givesWay = false }: KeptRun,
): Promise<readonly StateResult[]> {
  const results = new Map<number, StateResult>();
  const giving = new AbortController();
  const runner = states.runnerOfKept(kept, {
    who: mode === "plan" ? "a look at drift" : "an enforcement",
    ids,
    signal: AbortSignal.any([signal, giving.signal]),
    line: () => undefined,
    progress(step) {
      if (step.type === "end") results.set(step.index, step.result);
    },
    ...(givesWay && { giveWay: () => giving.abort(new GaveWay()) }),
  });
  await runner.run(mode);
  giving.signal.throwIfAborted();
  return [...results.values()];
}
