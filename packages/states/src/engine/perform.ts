/** One declaration, from the question whether it runs at all to what came of it. */
import { BomaError } from "@boma/protocol";
import type { ZodObject } from "zod";

import type { CatalogEntry } from "../catalog/catalog.ts";
import { type Changes, inSync } from "../changes.ts";
import { checkParams } from "../check-params.ts";
import { readHost } from "../host/host.ts";
import { replaceSecrets } from "../secret.ts";
import type { AnySpec } from "../state-spec.ts";
import { isUnconfirmed, makeConfirmed } from "./confirm.ts";
import { decide } from "./decide.ts";
import { guarded, isGuarded } from "./guards.ts";
import { failure, isFailed, madeComment, type Outcome, skipped, unknown } from "./outcome.ts";
import { refreshedIfOwed } from "./refresh.ts";
import { hangsOn, limitsOf, type Run, stoppedBy } from "./run-state.ts";
import { check, type Step } from "./step.ts";
import { pause, within } from "./within.ts";

/** Never throws: whatever goes wrong is this declaration's outcome. */
export async function perform(run: Run, entry: CatalogEntry): Promise<Outcome> {
  const stopped = stoppedBy(run);
  if (stopped) return skipped(stopped.why, stopped.by);
  let outcome: Outcome;
  try {
    outcome = await attempted(run, entry);
  } catch (thrown) {
    outcome = failedOrUnknown(run, entry, thrown);
  }
  const on = outcome.hangsOn ?? hangsOn(run, entry);
  if (outcome.result === "failed" && entry.failHard)
    run.stopped ??= { why: `${entry.id} failed, and nothing may begin after that`, by: entry.id };
  return on === undefined ? outcome : { ...outcome, hangsOn: on };
}

async function attempted(run: Run, entry: CatalogEntry): Promise<Outcome> {
  const spec = admitted(run, entry);
  const decided = decide(entry, run.links, (id) => run.outcomes.get(id)) ?? (await unforeseen(run, entry));
  if (decided) return decided;
  const step = stepOf(run, entry, spec);
  const limits = limitsOf(run, entry, spec);
  const guard =
    isGuarded(entry) && (await within((ports) => guarded(entry, ports, hangsOn(run, entry)), limits));
  if (guard) {
    if (guard.result === "ok") await run.owed.settle(entry.id, (cause) => run.outcomes.has(cause));
    return guard;
  }
  const tried: Tried = { changes: {}, made: false };
  try {
    await retried(run, entry, () =>
      within((ports) => converge(run, entry, { ...step, ports }, tried), limits),
    );
    const own = outcomeOf(run, spec, tried);
    if (!spec.refresh) return own;
    return await retried(run, entry, () =>
      within((ports) => refreshedIfOwed(run, entry, { ...step, ports }, own), limits),
    );
  } catch (thrown) {
    return failedOrUnknown(run, entry, thrown, tried.changes);
  }
}

/** The state's spec, where this agent knows it and this node lets it run. */
function admitted({ options }: Run, { state }: CatalogEntry): AnySpec {
  const spec = Object.hasOwn(options.states, state) ? options.states[state] : undefined;
  if (!spec) throw new BomaError("state/unknown", `this agent knows no state ${state}`);
  options.permit(state);
  if (options.confined && !spec.confinable)
    throw new BomaError("confined/refused", `${state} cannot be confined by --root`);
  const { family } = options;
  if (spec.platforms && family !== undefined && !spec.platforms.includes(family))
    throw new BomaError(
      "state/unsupported",
      `${state} works on ${spec.platforms.join(", ")}, and this is ${family}`,
    );
  return spec;
}

export function stepOf({ options, holdsSecrets }: Run, { params }: CatalogEntry, spec: AnySpec): Step {
  const want = holdsSecrets ? resolved(params, options.secrets) : params;
  const read = (spec.params as ZodObject).safeParse(want);
  // What does not fit is said in the words of a tree's author.
  return { spec, want: read.success ? read.data : checkParams(spec, want), ports: options.ports };
}

function resolved(
  params: CatalogEntry["params"],
  secrets: ReadonlyMap<string, string>,
): Record<string, unknown> {
  return replaceSecrets(params, (reference) => {
    const value = secrets.get(reference);
    if (value !== undefined) return value;
    throw new BomaError("state/secret", `there is no value for the secret ${reference}`, {
      hint: "The master did not send it with the catalog: run it again, and look at the master's log.",
    });
  }) as Record<string, unknown>;
}

/** What the attempts of one declaration found and began. */
interface Tried {
  changes: Changes;
  made: boolean;
}

async function converge(run: Run, entry: CatalogEntry, step: Step, tried: Tried): Promise<void> {
  const changes = await check(step);
  tried.changes = tried.made ? { ...tried.changes, ...changes } : changes;
  if (run.options.mode === "plan") return assertFree(run, entry, step, changes);
  if (!inSync(changes)) {
    // Whoever is to be refreshed because of this is on the disk before it happens.
    if (isForWatchers(step.spec, changes)) await run.owed.add(run.links.watchersOf(entry.id), entry.id);
    tried.made = true;
    await makeConfirmed(run.options.confirm, entry.id, step, changes);
  } else if (tried.made) {
    // An earlier attempt made it so and failed afterwards: what it could not prove is still to be proved.
    await step.spec.verify?.(step.want as never, readHost(step.ports));
  }
}

/** What an apply would run into now; after something that would change before it, it may be another story. */
async function assertFree(
  run: Run,
  entry: CatalogEntry,
  { spec, want, ports }: Step,
  changes: Changes,
): Promise<void> {
  if (inSync(changes) || hangsOn(run, entry) !== undefined) return;
  const why = await spec.blocked?.(want as never, readHost(ports));
  if (why !== undefined) throw new BomaError("state/blocked", why);
}

function outcomeOf({ options: { mode, confirm } }: Run, spec: AnySpec, { changes }: Tried): Outcome {
  if (inSync(changes)) return { result: "ok", changes, comment: "is as it should be" };
  const made = madeComment(changes, mode);
  const unconfirmed = mode === "apply" && isUnconfirmed(confirm, spec);
  return {
    ...(!isForWatchers(spec, changes) && { quiet: true }),
    result: mode === "plan" ? "would-change" : "changed",
    changes,
    comment: unconfirmed ? `${made}; nothing could confirm that the node is still reached` : made,
  };
}

const isForWatchers = (spec: AnySpec, changes: Changes): boolean => spec.refreshes?.(changes) ?? true;

async function retried<T>(run: Run, entry: CatalogEntry, attempt: () => Promise<T>): Promise<T> {
  const { attempts, intervalMs } = entry.retry ?? { attempts: 1, intervalMs: 0 };
  for (let left = run.options.mode === "plan" ? 1 : attempts; ; left--) {
    try {
      return await attempt();
    } catch (thrown) {
      if (left <= 1 || stoppedBy(run)) throw thrown;
      await pause(intervalMs, run.options.signal);
      if (stoppedBy(run)) throw thrown;
    }
  }
}

function failedOrUnknown(run: Run, entry: CatalogEntry, thrown: unknown, changes: Changes = {}): Outcome {
  const failed = failure(entry.id, thrown, changes);
  const on = hangsOn(run, entry);
  if (failed.result === "refused" || on === undefined || failed.error?.code === "state/secret") return failed;
  return unknown(`cannot be known before ${on} has changed: ${failed.error!.message}`, on);
}

/** For `prereq`: whether what comes after this would change. `undefined`: it would, or nothing asks for it. */
async function unforeseen(run: Run, entry: CatalogEntry): Promise<Outcome | undefined> {
  const targets = entry.requisites.prereq;
  if (!targets) return undefined;
  for (const id of targets) {
    try {
      if (await wouldChange(run, id)) return undefined;
    } catch (thrown) {
      const { error } = failure(id, thrown);
      throw new BomaError(error!.code, `it cannot be told whether ${id} would change: ${error!.message}`, {
        hint: error!.hint,
        cause: thrown,
      });
    }
  }
  return skipped(
    targets.length === 1 ? `${targets[0]} would not change` : "none of its targets would change",
  );
}

async function wouldChange(run: Run, id: string): Promise<boolean> {
  // A chain of them may be long: each begins on a stack of its own.
  await Promise.resolve();
  const entry = run.entries.get(id);
  if (!entry) return false;
  const spec = admitted(run, entry);
  const decided = decide(entry, run.links, (on) => run.outcomes.get(on));
  if (decided && (decided.result === "skipped" || isFailed(decided))) return false;
  const targets = entry.requisites.prereq ?? [];
  if (targets.length > 0 && !(await anyWouldChange(run, targets))) return false;
  const step = stepOf(run, entry, spec);
  return within(
    async (ports) => !(await guarded(entry, ports, undefined)) && !inSync(await check({ ...step, ports })),
    limitsOf(run, entry, spec),
  );
}

async function anyWouldChange(run: Run, ids: readonly string[]): Promise<boolean> {
  for (const id of ids) if (await wouldChange(run, id)) return true;
  return false;
}
