/** What is different between two catalogs of one node, as data. */
import { type Changes, diff, inSync } from "../changes.ts";
import type { Catalog, CatalogEntry } from "./catalog.ts";

export interface CatalogDiff {
  readonly added: readonly string[];
  readonly removed: readonly string[];
  /** Property by property: `contents`, `require`, `unless`. What is there no more has `undefined` as `to`. */
  readonly changed: readonly { readonly id: string; readonly changes: Changes }[];
  /** Ids that run at another point among those that both have. */
  readonly moved: readonly string[];
  /** References whose value is another one now. */
  readonly secrets: readonly string[];
}

export function diffCatalogs(before: Catalog, now: Catalog): CatalogDiff {
  const old = new Map(before.entries.map((entry) => [entry.id, entry]));
  const kept = new Set(now.entries.map(({ id }) => id).filter((id) => old.has(id)));
  const changed = now.entries.flatMap((entry) => {
    const was = old.get(entry.id);
    const changes = was ? changesBetween(was, entry) : {};
    return inSync(changes) ? [] : [{ id: entry.id, changes }];
  });
  return {
    added: now.entries.map(({ id }) => id).filter((id) => !kept.has(id)),
    removed: before.entries.map(({ id }) => id).filter((id) => !kept.has(id)),
    changed,
    moved: moved(
      before.entries.map(({ id }) => id).filter((id) => kept.has(id)),
      now.entries.map(({ id }) => id).filter((id) => kept.has(id)),
    ),
    secrets: Object.keys(now.secrets).filter(
      (name) => Object.hasOwn(before.secrets, name) && before.secrets[name] !== now.secrets[name],
    ),
  };
}

function changesBetween(was: CatalogEntry, is: CatalogEntry): Changes {
  const [left, right] = [propertiesOf(was), propertiesOf(is)];
  const gone = Object.keys(left).filter((name) => right[name] === undefined && left[name] !== undefined);
  return {
    ...diff(left, right),
    ...Object.fromEntries(gone.map((name) => [name, { from: left[name], to: undefined }])),
  };
}

/** Where it was written is not part of what it says. */
function propertiesOf({ params, requisites, after, ...entry }: CatalogEntry): Record<string, unknown> {
  const { unless, onlyIf, creates, retry, timeoutMs, failHard, drift, stage, awaits } = entry;
  const own = { unless, onlyIf, creates, retry, timeoutMs, failHard, drift, stage, awaits };
  return { ...own, ...requisites, ...(after.length > 0 && { after }), ...params };
}

/** The fewest that must be put elsewhere: all but a longest run that kept its order. */
function moved(before: readonly string[], now: readonly string[]): string[] {
  const place = new Map(before.map((id, index) => [id, index]));
  const stays = longestRise(now.map((id) => place.get(id)!));
  return now.filter((_, index) => !stays.has(index));
}

/** The positions of a longest rising sequence. */
export function longestRise(values: readonly number[]): Set<number> {
  // ends[n] is where the run of length n + 1 with the smallest last value ends.
  const ends: number[] = [];
  const previous = new Int32Array(values.length);
  values.forEach((value, index) => {
    let [low, high] = [0, ends.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (values[ends[middle]!]! < value) low = middle + 1;
      else high = middle;
    }
    previous[index] = low === 0 ? -1 : ends[low - 1]!;
    ends[low] = index;
  });
  const rise = new Set<number>();
  for (let index = ends.at(-1) ?? -1; index >= 0; index = previous[index]!) rise.add(index);
  return rise;
}
