/** Runs a catalog on a machine, or says what running it would do. */
import { type Catalog, catalogHash, type CatalogEntry } from "../catalog/catalog.ts";
import { outcomeDigest, planHash } from "./digest.ts";
import { fitted } from "./fit.ts";
import type { EngineOptions } from "./options.ts";
import { isFailed, type Outcome } from "./outcome.ts";
import { perform, stepOf } from "./perform.ts";
import { presented } from "./present.ts";
import { refreshListeners } from "./refresh.ts";
import type { RunReport, StateResult } from "./report.ts";
import { openRun, type Run, secretProperties, stoppedBy } from "./run-state.ts";
import { runStretch, stretchesOf } from "./schedule.ts";

const PARALLEL = 8;
const MESSAGE_MAX = 4000;
const COMMENT_MAX = 1000;

export async function runCatalog(catalog: Catalog, options: EngineOptions): Promise<RunReport> {
  const began = performance.now();
  const run = await openRun(catalog, options);
  const book = openBook(run);
  for (const stretch of stretchesOf(catalog.entries, options.states, run.links))
    await runStretch(stretch, options.parallel ?? PARALLEL, async (entry) => {
      book.begin(entry);
      book.end(entry, await perform(run, entry));
    });
  await refreshListeners(
    run,
    (entry) => stepOf(run, entry, options.states[entry.state]!),
    (entry, outcome) => {
      book.begin(entry);
      book.end(entry, outcome);
    },
  );
  const results = book.results();
  const isOk = !stoppedBy(run) && ![...run.outcomes.values()].some(isFailed);
  const plan = options.mode === "plan" ? planHash(results) : undefined;
  const ms = rounded(performance.now() - began);
  return fitted({ ok: isOk, catalog: catalogHash(catalog), plan, ms }, results);
}

interface Book {
  begin(entry: CatalogEntry): void;
  end(entry: CatalogEntry, outcome: Outcome): void;
  /** In the order of the catalog, whoever was done first. */
  results(): readonly StateResult[];
}

/** Keeps what came of each, and tells it as it comes. */
function openBook(run: Run): Book {
  const { catalog, options } = run;
  const total = catalog.entries.length;
  const indexOf = new Map(catalog.entries.map(({ id }, index) => [id, index]));
  const began = new Map<string, number>();
  const took = new Map<string, number>();
  const results = Array.from<StateResult>({ length: total });
  return {
    begin(entry) {
      began.set(entry.id, performance.now());
      options.onProgress?.({ type: "begin", id: entry.id, index: indexOf.get(entry.id)!, total });
    },
    end(entry, outcome) {
      run.outcomes.set(entry.id, outcome);
      const ms = (took.get(entry.id) ?? 0) + performance.now() - began.get(entry.id)!;
      took.set(entry.id, ms);
      const index = indexOf.get(entry.id)!;
      results[index] = resultOf(run, entry, outcome, ms);
      options.onProgress?.({ type: "end", index, total, result: results[index] });
    },
    results: () => results,
  };
}

/** What may be told of an outcome: every text in it masked. */
function resultOf(run: Run, entry: CatalogEntry, outcome: Outcome, ms: number): StateResult {
  const { mask, catalog, options } = run;
  const { result, changes, comment, refreshed, pending, error } = outcome;
  const isSecret = secretProperties(run, entry);
  const short = (text: string, max: number): string => {
    const masked = mask.text(text);
    return masked.length > max ? `${masked.slice(0, max)}…` : masked;
  };
  return {
    id: entry.id,
    state: entry.state,
    result,
    changes: presented(changes, { mask, isSecret }),
    comment: short(comment, COMMENT_MAX),
    ms: rounded(ms),
    ...(refreshed && { refreshed }),
    ...(pending !== undefined && { pending: short(pending, COMMENT_MAX) }),
    ...(options.mode === "plan" && { digest: outcomeDigest(entry, outcome, catalog, isSecret) }),
    ...(error && {
      error: {
        code: error.code,
        message: short(error.message, MESSAGE_MAX),
        hint: short(error.hint, MESSAGE_MAX),
      },
    }),
  };
}

const rounded = (ms: number): number => Math.round(ms * 10) / 10;
