/** Whether what a plan found of a declaration is drift: a difference of its own, which somebody or something made. */
import type { CatalogEntry } from "../catalog/catalog.ts";
import { runsForOthers } from "../catalog/part.ts";
import { replaceSecrets } from "../secret.ts";
import type { AnySpec } from "../state-spec.ts";
import type { StateResult } from "./report.ts";
import { canTell } from "./step.ts";

export function isDrift(
  { result, changes }: Pick<StateResult, "result" | "changes">,
  entry: CatalogEntry,
  spec: AnySpec,
): boolean {
  // What would only be refreshed differs in nothing itself.
  if (result !== "would-change" || Object.keys(changes).length === 0) return false;
  return canDrift(entry, spec);
}

/** What runs because of others, or each time because nothing tells that it is done, has no state to leave. */
export function canDrift(entry: CatalogEntry, spec: AnySpec): boolean {
  if (runsForOthers(entry)) return false;
  return entry.unless !== undefined || entry.creates !== undefined || canTell(spec, plain(entry.params));
}

const plain = (params: CatalogEntry["params"]): Record<string, unknown> =>
  replaceSecrets(params, () => "(secret)") as Record<string, unknown>;
