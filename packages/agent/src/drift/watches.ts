/** Listens at what a catalog owns: files and units. A change there is no drift yet, only a reason to look. */
import { lstat } from "node:fs/promises";
import { dirname, join } from "node:path";

import { type AnySpec, canDrift, type Catalog, claimsOf, wholeOf } from "@boma/states/core";

export interface DriftSources {
  paths(
    paths: readonly string[],
    changed: (path: string) => void,
  ): { stop(): void; readonly unwatched: readonly string[] };
  units(units: readonly string[], changed: (unit: string) => void): { stop(): void };
}

export interface Watches {
  stop(): void;
  readonly watched: number;
  readonly unwatched: number;
  /** Calls for what was changed before it was listened at. */
  catchUp(since: number): Promise<void>;
}

export const noWatches: Watches = {
  stop: () => undefined,
  catchUp: () => Promise.resolve(),
  watched: 0,
  unwatched: 0,
};

export type Owned = ReadonlyMap<string, readonly string[]>;

/** Which declarations a claim belongs to. */
export function ownedBy(catalog: Catalog, states: Readonly<Record<string, AnySpec>>): Owned {
  const owned = new Map<string, string[]>();
  for (const entry of catalog.entries) {
    const spec = states[entry.state];
    if (!spec || !canDrift(entry, spec)) continue;
    for (const claim of claimsIn(spec, entry.params)) {
      const whole = wholeOf(claim);
      owned.set(whole, [...(owned.get(whole) ?? []), entry.id]);
    }
  }
  return owned;
}

/** What a state of the site's own throws here it has thrown at its run, too. */
export function claimsIn(spec: AnySpec, params: Readonly<Record<string, unknown>>): readonly string[] {
  try {
    return claimsOf({ spec, params });
  } catch {
    return [];
  }
}

export function watchOwned(
  owned: Owned,
  root: string,
  {
    sources,
    touched,
  }: { readonly sources: DriftSources; readonly touched: (ids: readonly string[]) => void },
): Watches {
  const of = (kind: string): ReadonlyMap<string, readonly string[]> =>
    new Map(
      [...owned].flatMap(([claim, ids]) =>
        claim.startsWith(`${kind}:`) ? [[claim.slice(kind.length + 1), ids]] : [],
      ),
    );
  const files = new Map([...of("file")].map(([path, ids]) => [join(root, path), ids]));
  const units = of("unit");
  const paths = sources.paths([...files.keys()], (path) => touched(files.get(path) ?? []));
  const heard =
    units.size > 0 ? sources.units([...units.keys()], (unit) => touched(units.get(unit) ?? [])) : undefined;
  return {
    watched: files.size + units.size - paths.unwatched.length,
    unwatched: paths.unwatched.length,
    stop() {
      paths.stop();
      heard?.stop();
    },
    async catchUp(since) {
      for (const [path, ids] of files) if (await isNewer(path, since)) touched(ids);
    },
  };
}

/** Where a file is gone its directory tells when. */
async function isNewer(path: string, since: number): Promise<boolean> {
  const held = await lstat(path).catch(() => undefined);
  const moment = held?.ctimeMs ?? (await lstat(dirname(path)).catch(() => undefined))?.mtimeMs;
  return moment !== undefined && moment >= since;
}
