/** A report of a bounded size: what matters least goes first. */
import { pack } from "@boma/protocol";

import { type Result, type RunReport, summaryOf, type StateResult } from "./report.ts";

export const REPORT_BYTES_MAX = 200_000;
/** For everything of a report that is not a result. */
const FRAME_BYTES = 2000;

type Head = Pick<RunReport, "ok" | "catalog"> & { readonly plan?: string | undefined; readonly ms: number };

const LAST_TO_GO: readonly Result[] = [
  "failed",
  "refused",
  "changed",
  "would-change",
  "unknown",
  "skipped",
  "ok",
];

export function fitted({ ms, plan, ...head }: Head, results: readonly StateResult[]): RunReport {
  const summary = summaryOf(results, ms);
  const report = (kept: readonly StateResult[], cut: boolean): RunReport => ({
    ...head,
    ...(plan !== undefined && { plan }),
    results: [...kept],
    summary,
    cut,
  });
  if (sizeOf(results) <= REPORT_BYTES_MAX) return report(results, false);
  const wanting = results.filter(({ result, pending }) => result !== "ok" || pending !== undefined);
  const lean = withoutDiffs(wanting);
  return report(mostImportant(lean), true);
}

const sizeOf = (results: readonly StateResult[]): number =>
  results.reduce((sum, result) => sum + bytesOf(result), FRAME_BYTES);
const bytesOf = (result: StateResult): number => pack(result).length;

/** Drops the changes that take the most, as many as must be. */
function withoutDiffs(results: readonly StateResult[]): readonly StateResult[] {
  let over = sizeOf(results) - REPORT_BYTES_MAX;
  if (over <= 0) return results;
  const bySize = results
    .map((result, index) => ({ index, bytes: bytesOf(result) }))
    .sort((a, b) => b.bytes - a.bytes);
  const lean = [...results];
  for (const { index, bytes } of bySize) {
    if (over <= 0) break;
    lean[index] = { ...lean[index]!, changes: leftOut(lean[index]!) };
    over -= bytes - bytesOf(lean[index]!);
  }
  return lean;
}

const NAME_MAX = 200;
const LEFT_OUT = "(left out: the report is too long)";

const PROPERTIES_MAX = 100;

function leftOut({ changes }: StateResult): StateResult["changes"] {
  const all = Object.entries(changes);
  const kept = all
    .slice(0, PROPERTIES_MAX)
    .map(([name, change]): (typeof all)[number] => [
      name.slice(0, NAME_MAX),
      pack(change).length > LEFT_OUT.length + 10 ? { diff: LEFT_OUT } : change,
    ]);
  if (all.length > kept.length) kept.push([`… ${all.length - kept.length} more`, { diff: LEFT_OUT }]);
  return Object.fromEntries(kept);
}

/** When even that is too much, results themselves are left out; what failed stays longest. */
function mostImportant(results: readonly StateResult[]): readonly StateResult[] {
  let left = REPORT_BYTES_MAX - FRAME_BYTES;
  const kept = new Set<number>();
  for (const wanted of LAST_TO_GO)
    results.forEach((result, index) => {
      if (result.result !== wanted) return;
      const bytes = bytesOf(result);
      if (bytes > left) return;
      left -= bytes;
      kept.add(index);
    });
  return results.filter((_, index) => kept.has(index));
}
