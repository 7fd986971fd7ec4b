/** What came of a catalog, declaration by declaration, in the order in which they ran. */
import { z } from "zod";

export const RESULTS = ["ok", "changed", "would-change", "failed", "skipped", "refused", "unknown"] as const;
export type Result = (typeof RESULTS)[number];

/** `from` and `to` as they are where they are short; for a longer text its unified diff. Secrets are masked. */
export const ReportedChange = z.strictObject({
  from: z.unknown().optional(),
  to: z.unknown().optional(),
  diff: z.string().optional(),
});
export type ReportedChange = z.output<typeof ReportedChange>;

export const StateResult = z.strictObject({
  id: z.string(),
  state: z.string(),
  /** `unknown` in a plan only: it depends on what an earlier declaration would make. */
  result: z.enum(RESULTS),
  changes: z.record(z.string(), ReportedChange),
  comment: z.string(),
  ms: z.number(),
  /** It was refreshed, or would be, because of a change that it watches. */
  refreshed: z.boolean().optional(),
  /** A refresh is owed and waits, and why: a restart that only maintenance may do. */
  pending: z.string().optional(),
  /** In a plan: of what was found, so that an apply can say what is otherwise now. */
  digest: z.string().optional(),
  error: z.strictObject({ code: z.string(), message: z.string(), hint: z.string() }).optional(),
});
export type StateResult = z.output<typeof StateResult>;

export const Summary = z.strictObject({
  ...(Object.fromEntries(RESULTS.map((result) => [result, z.int()])) as Record<Result, z.ZodInt>),
  total: z.int(),
  ms: z.number(),
});

export const RunReport = z.strictObject({
  ok: z.boolean(),
  /** The hash of the catalog. */
  catalog: z.string(),
  /** In a plan: the hash of this node's part, which an apply can be bound to. */
  plan: z.string().optional(),
  results: z.array(StateResult),
  summary: Summary,
  /** Results were too many for one message; those of declarations that were in order were left out. */
  cut: z.boolean(),
});
export type RunReport = z.output<typeof RunReport>;

export const summaryOf = (results: readonly StateResult[], ms: number): z.output<typeof Summary> => ({
  ...(Object.fromEntries(
    RESULTS.map((result) => [result, results.filter((one) => one.result === result).length]),
  ) as Record<Result, number>),
  total: results.length,
  ms,
});
