/** Runs of the catalog that the node has: what a schedule has in the place of one that a job brings. */
import { BomaError } from "@boma/protocol";
import type { OutputLine, RunReport, StateRunner } from "@boma/states/core";

import type { CatalogCache } from "../drift/catalog-cache.ts";
import type { NodeStates } from "../states/node-states.ts";

export interface CachedRuns {
  /** Throws where the node has no catalog yet, or one that cannot be believed. */
  run(mode: "apply" | "plan", call: CachedCall): Promise<RunReport>;
}

export interface CachedCall {
  /** Shown to whoever waits for its end. */
  readonly who: string;
  readonly signal: AbortSignal;
  readonly line: (line: OutputLine) => void;
}

export function runnerOfCached(cached: CachedRuns | undefined, call: CachedCall): StateRunner {
  const refuse = (): Promise<never> => Promise.reject(noCatalog());
  return { catalog: refuse, run: (mode) => (cached ? cached.run(mode, call) : refuse()) };
}

const noCatalog = (): BomaError =>
  new BomaError("state/no-catalog", "this node has no catalog of its own to run", {
    hint: "It gets one with the first state.apply of all that the site says of it.",
  });

/** The catalog of the last whole apply, run as the node's own. */
export const cachedRuns = (cache: CatalogCache, states: NodeStates): CachedRuns => ({
  async run(mode, call) {
    const kept = await cache.load();
    if (!kept) throw noCatalog();
    return states.runnerOfKept(kept, { ...call, progress: () => undefined }).run(mode);
  },
});
