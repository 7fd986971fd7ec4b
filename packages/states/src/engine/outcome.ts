/** What came of one declaration, as the engine knows it: unmasked, in memory only. */
import { asBomaError, BomaError } from "@boma/protocol";

import type { Changes } from "../changes.ts";
import type { Result } from "./report.ts";

export interface Outcome {
  readonly result: Result;
  readonly changes: Changes;
  readonly comment: string;
  readonly error?: BomaError | undefined;
  readonly refreshed?: boolean | undefined;
  /** It changed in ways that are no concern of what watches it. */
  readonly quiet?: boolean | undefined;
  /** Why a refresh that is owed has to wait; it is kept. */
  readonly pending?: string | undefined;
  /** The declaration at the root of it that this one was not made so; its own id where it failed itself. */
  readonly failedBy?: string | undefined;
  /** In a plan: a declaration before it, on which it hangs and which would change. */
  readonly hangsOn?: string | undefined;
  /** A guard said that there is nothing to do. */
  readonly guarded?: boolean | undefined;
}

export const isFailed = (outcome: Outcome | undefined): boolean => outcome?.failedBy !== undefined;
export const isChanged = (outcome: Outcome | undefined): boolean =>
  outcome?.result === "changed" || outcome?.result === "would-change";

export const skipped = (comment: string, failedBy?: string): Outcome => ({
  result: "skipped",
  changes: {},
  comment,
  failedBy,
});

const REFUSALS: ReadonlySet<string> = new Set(["job/refused", "confined/refused"]);

export function failure(id: string, thrown: unknown, changes: Changes = {}): Outcome {
  const error = asFailure(thrown);
  const refused = REFUSALS.has(error.code);
  return {
    result: refused ? "refused" : "failed",
    changes: refused ? {} : changes,
    comment: refused ? "refused" : "failed",
    error,
    failedBy: id,
  };
}

/** A change that asks what watches it for a refresh. */
export const isHeard = (outcome: Outcome | undefined): boolean => isChanged(outcome) && !outcome?.quiet;

/** A complaint of the machine is not a fault of boma; a slip of the code is. */
function asFailure(thrown: unknown): BomaError {
  const isSlip =
    thrown instanceof TypeError || thrown instanceof ReferenceError || thrown instanceof RangeError;
  if (thrown instanceof BomaError || isSlip) return asBomaError(thrown);
  const message = thrown instanceof Error ? thrown.message : String(thrown);
  return new BomaError("state/failed", message, { cause: thrown });
}

export function unknown(comment: string, hangsOn: string): Outcome {
  return { result: "unknown", changes: {}, comment, hangsOn };
}

/** What happened or would happen, in a word or two. */
export function madeComment(changes: Changes, mode: "apply" | "plan"): string {
  const all = Object.values(changes);
  const isNew = all.length > 0 && all.every((change) => change?.from === undefined);
  if (isNew) return mode === "apply" ? "created" : "would be created";
  return `${mode === "apply" ? "changed" : "would change"} ${Object.keys(changes).join(", ")}`;
}
