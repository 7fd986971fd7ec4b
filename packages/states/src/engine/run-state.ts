/** What a run knows while it runs. */
import type { Catalog, CatalogEntry } from "../catalog/catalog.ts";
import { secretsIn } from "../secret.ts";
import type { AnySpec } from "../state-spec.ts";
import { type Links, linksOf, predecessorsOf } from "./links.ts";
import { type Mask, maskOf } from "./mask.ts";
import type { EngineOptions } from "./options.ts";
import type { Outcome } from "./outcome.ts";
import { openOwed, type Owed } from "./owed.ts";
import type { Limits } from "./within.ts";

export interface Run {
  readonly catalog: Catalog;
  readonly options: EngineOptions;
  readonly entries: ReadonlyMap<string, CatalogEntry>;
  readonly links: Links;
  readonly outcomes: Map<string, Outcome>;
  readonly owed: Owed;
  readonly mask: Mask;
  /** Where nothing in the catalog refers to a secret, nothing is looked through for one. */
  readonly holdsSecrets: boolean;
  /** Why nothing more begins, once that is so. */
  stopped: Stopped | undefined;
}

export interface Stopped {
  readonly why: string;
  /** The declaration whose failure stopped it, or `cancelled`. */
  readonly by: string;
}

const GRACE_MS = 10_000;

export const openRun = async (catalog: Catalog, options: EngineOptions): Promise<Run> => ({
  catalog,
  options,
  entries: new Map(catalog.entries.map((entry) => [entry.id, entry])),
  links: linksOf(catalog),
  outcomes: new Map(),
  owed: await openOwed(catalog, options),
  mask: maskOf(options.secrets.values()),
  holdsSecrets: Object.keys(catalog.secrets).length > 0,
  stopped: undefined,
});

export function stoppedBy(run: Run): Stopped | undefined {
  if (run.options.signal.aborted) run.stopped ??= { why: "cancelled", by: "cancelled" };
  return run.stopped;
}

export const limitsOf = (
  { options: { ports, signal, graceMs = GRACE_MS } }: Run,
  entry: CatalogEntry,
  spec: AnySpec,
): Limits => ({ ports, signal, graceMs, timeoutMs: entry.timeoutMs ?? spec.timeoutMs });

/** In a plan: what comes before this and would change, itself or because of what it hangs on. */
export function hangsOn(run: Run, entry: CatalogEntry): string | undefined {
  if (run.options.mode === "apply") return undefined;
  for (const id of predecessorsOf(entry, run.links)) {
    const outcome = run.outcomes.get(id);
    if (outcome?.result === "would-change") return id;
    if (outcome?.hangsOn !== undefined) return outcome.hangsOn;
  }
  return undefined;
}

/** The properties of a declaration that may hold a secret. Those that are no parameters may be made from one. */
export function secretProperties(
  { holdsSecrets, options }: Run,
  { params, state }: CatalogEntry,
): (property: string) => boolean {
  if (!holdsSecrets) return () => false;
  const spec = options.states[state];
  const holding = new Set(Object.keys(params).filter((name) => secretsIn(params[name]).length > 0));
  if (holding.size === 0) return () => false;
  const names = new Set(Object.keys((spec?.params.shape as object | undefined) ?? {}));
  return (property) => holding.has(property) || !names.has(property);
}
