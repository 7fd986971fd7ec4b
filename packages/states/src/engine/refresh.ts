/** Refreshes: of what watches, right after it; of what listens, at the end of the run. */
import type { CatalogEntry } from "../catalog/catalog.ts";
import { inSync } from "../changes.ts";
import { readHost, writeHost } from "../host/host.ts";
import { instanceNow } from "../maintenance/restarted.ts";
import { failure, isFailed, isHeard, type Outcome } from "./outcome.ts";
import { EARLIER } from "./owed.ts";
import { limitsOf, type Run, stoppedBy } from "./run-state.ts";
import { canTell, type Step } from "./step.ts";
import { within } from "./within.ts";

export async function refreshedIfOwed(
  run: Run,
  entry: CatalogEntry,
  step: Step,
  own: Outcome,
): Promise<Outcome> {
  if (!step.spec.refresh) return own;
  const { watch = [], watchAny = [] } = entry.requisites;
  const watched = [...watch, ...watchAny];
  const cause = causeAmong(run, entry.id, [...watched, EARLIER]);
  if (cause === undefined) return maybe(run, watched, own);
  const why = await protectedFrom(run, step);
  if (run.options.mode === "plan")
    return why === undefined ? refreshedOutcome(own, cause, "would be refreshed") : pendingOutcome(own, why);
  if (isFresh(step, own)) {
    await settle(run, entry.id);
    return own;
  }
  if (why !== undefined) return waiting(run, entry.id, step, { own, why });
  await refresh(run, entry, step);
  return refreshedOutcome(own, cause, "refreshed");
}

/** Why it may not be refreshed now. */
const protectedFrom = async ({ options }: Run, { spec, want, ports }: Step): Promise<string | undefined> =>
  options.maintenance ? undefined : spec.protects?.(want as never, readHost(ports));

/** The first of these whose change asks for a refresh. */
const causeAmong = (run: Run, id: string, causes: readonly string[]): string | undefined =>
  causes.find((cause) => isHeard(run.outcomes.get(cause)) || run.owed.has(id, cause));

/** This run has just started or run it: that takes the place of a refresh. */
const isFresh = ({ spec, want }: Step, { changes }: Outcome): boolean =>
  "active" in changes || (!inSync(changes) && !canTell(spec, want));

async function refresh(run: Run, entry: CatalogEntry, { spec, want, ports }: Step): Promise<void> {
  await run.owed.add(run.links.watchersOf(entry.id), entry.id);
  await spec.refresh!(want as never, writeHost(ports));
  await spec.verify?.(want as never, readHost(ports));
  await settle(run, entry.id);
}

/** What has come to its end owes nothing more; what still runs may yet. */
const settle = (run: Run, id: string): Promise<void> =>
  run.owed.settle(id, (cause) => run.outcomes.has(cause));

function refreshedOutcome(own: Outcome, cause: string, said: string): Outcome {
  const why = cause === EARLIER ? "because of a change in an earlier run" : `because of ${cause}`;
  const result = said === "refreshed" ? "changed" : "would-change";
  return { ...own, quiet: undefined, result, refreshed: true, comment: joined(own, `${said} ${why}`) };
}

/** What runs now does so without the change, which is made: whoever finds another start knows that it has taken it up. */
async function waiting(
  run: Run,
  id: string,
  { spec, want, ports }: Step,
  { own, why }: { readonly own: Outcome; readonly why: string },
): Promise<Outcome> {
  const instance = await instanceNow({ spec, params: want }, readHost(ports));
  if (instance !== undefined) await run.owed.waits(id, instance, (cause) => run.outcomes.has(cause));
  return pendingOutcome(own, why);
}

/** It stays owed, and that is no change: a second run finds the same. */
const pendingOutcome = (own: Outcome, why: string): Outcome => ({
  ...own,
  pending: why,
  comment: joined(own, `a restart is pending: ${why}`),
});

const joined = ({ result, comment }: Outcome, said: string): string =>
  result === "ok" ? said : `${comment}; ${said}`;

/** In a plan: what it watches may change, and nobody can know. */
function maybe({ outcomes }: Run, watched: readonly string[], own: Outcome): Outcome {
  const open = watched.find((id) => outcomes.get(id)?.result === "unknown");
  if (open === undefined || own.result !== "ok") return own;
  return { ...own, result: "unknown", comment: `is refreshed if ${open} changes`, hangsOn: open };
}

/** At the end of the run, once: what listens to something that changed. Says which outcomes are others now. */
export async function refreshListeners(
  run: Run,
  stepOf: (entry: CatalogEntry) => Step,
  told: (entry: CatalogEntry, outcome: Outcome) => void,
): Promise<void> {
  for (const entry of run.catalog.entries) {
    const own = run.outcomes.get(entry.id);
    const listened = entry.requisites.listen;
    if (!listened || !own || isFailed(own) || own.result === "skipped" || own.guarded) continue;
    if (stoppedBy(run)) return;
    const cause =
      run.options.mode === "plan"
        ? listened.find((id) => !own.refreshed && isHeard(run.outcomes.get(id)))
        : listened.find((id) => run.owed.has(entry.id, id) && isHeard(run.outcomes.get(id)));
    if (cause === undefined) continue;
    told(entry, await listenerOutcome(run, entry, stepOf, { own, cause }));
  }
}

async function listenerOutcome(
  run: Run,
  entry: CatalogEntry,
  stepOf: (entry: CatalogEntry) => Step,
  { own, cause }: { readonly own: Outcome; readonly cause: string },
): Promise<Outcome> {
  if (run.options.mode === "plan") return refreshedOutcome(own, cause, "would be refreshed at the end");
  try {
    const step = stepOf(entry);
    const why = await protectedFrom(run, step);
    if (why !== undefined) return await waiting(run, entry.id, step, { own, why });
    await within((ports) => refresh(run, entry, { ...step, ports }), limitsOf(run, entry, step.spec));
    return {
      ...refreshedOutcome(own, cause, "refreshed"),
      comment: joined(own, `refreshed at the end because of ${cause}`),
    };
  } catch (thrown) {
    return failure(entry.id, thrown, own.changes);
  }
}
