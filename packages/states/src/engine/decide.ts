/** Whether a declaration runs, by what came of those that it hangs on. */
import type { CatalogEntry } from "../catalog/catalog.ts";
import type { Links } from "./links.ts";
import { isChanged, isFailed, type Outcome, skipped, unknown } from "./outcome.ts";

type OutcomeOf = (id: string) => Outcome | undefined;

/** `undefined`: it runs. What has no outcome yet is taken to go well, and to change. */
export function decide(entry: CatalogEntry, links: Links, outcomeOf: OutcomeOf): Outcome | undefined {
  return failedDependency(entry, links, outcomeOf) ?? unmoved(entry, outcomeOf) ?? unneeded(entry, outcomeOf);
}

function failedDependency(
  { id, requisites }: CatalogEntry,
  links: Links,
  outcomeOf: OutcomeOf,
): Outcome | undefined {
  const { require = [], watch = [], onChanges = [] } = requisites;
  const failed = [...links.beforeOf(id), ...require, ...watch, ...onChanges].find((on) =>
    isFailed(outcomeOf(on)),
  );
  if (failed !== undefined) return blamed(failed, outcomeOf);
  for (const name of ["requireAny", "watchAny", "onChangesAny"] as const) {
    const any = requisites[name] ?? [];
    if (any.length > 0 && any.every((on) => isFailed(outcomeOf(on)))) return blamed(any[0]!, outcomeOf);
  }
  return undefined;
}

/** Names what it hangs on, and the root of it all where that is another. */
function blamed(on: string, outcomeOf: OutcomeOf): Outcome {
  const root = outcomeOf(on)!.failedBy!;
  return skipped(root === on ? `${on} failed` : `${on} was not run, because ${root} failed`, root);
}

function unmoved({ requisites }: CatalogEntry, outcomeOf: OutcomeOf): Outcome | undefined {
  for (const name of ["onChanges", "onChangesAny"] as const) {
    const targets = requisites[name];
    if (!targets || targets.some((on) => !outcomeOf(on) || isChanged(outcomeOf(on)))) continue;
    const open = targets.find((on) => outcomeOf(on)?.result === "unknown");
    if (open !== undefined) return unknown(`runs only if ${open} changes, which is not known yet`, open);
    return skipped(
      targets.length === 1 ? `${targets[0]} did not change` : `none of these changed: ${listed(targets)}`,
    );
  }
  return undefined;
}

function unneeded({ requisites }: CatalogEntry, outcomeOf: OutcomeOf): Outcome | undefined {
  const { onFail, onFailAll } = requisites;
  const isFine = (on: string): boolean => !isFailed(outcomeOf(on));
  if (onFail?.every(isFine))
    return skipped(
      onFail.length === 1 ? `${onFail[0]} did not fail` : `none of these failed: ${listed(onFail)}`,
    );
  const fine = onFailAll?.find(isFine);
  return fine === undefined ? undefined : skipped(`${fine} did not fail`);
}

const LISTED_MAX = 5;
const listed = (ids: readonly string[]): string =>
  ids.slice(0, LISTED_MAX).join(", ") + (ids.length > LISTED_MAX ? " …" : "");
