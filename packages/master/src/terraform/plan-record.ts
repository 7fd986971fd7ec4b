/** What the master knows of a plan that lies on a node, and which way it goes. Pure. */
import { BomaError, JobId, NodeId, NodeKey } from "@boma/protocol";
import { ApplyResult, Bound, PlanCounts, WorkspaceInfo, WorkspaceName } from "@boma/states/core";
import { z } from "zod";

import type { Ending } from "../jobs/course.ts";

/**
 * planned    made, and not approved by as many as must
 * approved   may be applied
 * consuming  its job is about to be made, or under way
 * applied    the program said so
 * failed     it ended otherwise, and it is known how
 * unknown    nobody said how it ended: a person has to look
 */
const STATES = ["planned", "approved", "consuming", "applied", "failed", "unknown", "discarded"] as const;

export const TerraformPlan = z.strictObject({
  /** The id of the job that made it. */
  plan: JobId,
  workspace: WorkspaceName,
  node: NodeKey,
  id: NodeId,
  by: z.string(),
  createdAt: z.number(),
  expiresAt: z.number(),
  bound: Bound,
  counts: PlanCounts,
  /** Who has to approve, as the site said when it was made. */
  needs: WorkspaceInfo.shape.approvals,
  approvals: z.array(z.strictObject({ by: z.string(), at: z.number() })),
  state: z.enum(STATES),
  /** The apply: its job, who asked for it, since when. */
  apply: z.strictObject({ job: JobId, by: z.string(), at: z.number() }).optional(),
  endedAt: z.number().optional(),
  /** How it ended, in words. */
  comment: z.string().optional(),
});
export type TerraformPlan = z.output<typeof TerraformPlan>;
export type PlanState = TerraformPlan["state"] | "expired";

const COMMENT_LENGTH_MAX = 2000;

export const stateOf = ({ state, expiresAt }: TerraformPlan, now: number): PlanState =>
  (state === "planned" || state === "approved") && now > expiresAt ? "expired" : state;

export const shortId = (plan: string): string => plan.slice(0, 16);

/** Approved once more; by itself where nobody has to. */
export function approved(
  record: TerraformPlan,
  { by, sha256, now }: { readonly by: string; readonly sha256: string; readonly now: number },
): TerraformPlan {
  const { needs, approvals, bound } = record;
  assertState(record, ["planned"], now, "approved");
  if (bound.sha256 !== sha256)
    throw new BomaError("terraform/approval", "this is not the plan that was shown", {
      hint: "Look at it again: `boma-master terraform show`.",
    });
  if (needs.notSubmitter && by === record.by)
    throw new BomaError("terraform/approval", `${by} made this plan, and somebody else has to approve it`, {
      hint: "`boma-master operator add` makes another operator. `notSubmitter: false` lets a workspace do without.",
    });
  if (approvals.some((one) => one.by === by))
    throw new BomaError("terraform/approval", `${by} has approved it already`);
  return withApprovals({ ...record, approvals: [...approvals, { by, at: now }] }, now);
}

/** From the moment in which it has them all the time runs anew. */
export function withApprovals(record: TerraformPlan, now: number): TerraformPlan {
  const { needs, approvals } = record;
  if (approvals.length < needs.count) return record;
  return { ...record, state: "approved", expiresAt: now + needs.ttlMs };
}

export function begun(record: TerraformPlan, apply: NonNullable<TerraformPlan["apply"]>): TerraformPlan {
  assertState(record, ["approved"], apply.at, "applied");
  return { ...record, state: "consuming", apply };
}

export function discarded(record: TerraformPlan, by: string, now: number): TerraformPlan {
  if (record.state === "discarded") return record;
  assertState(record, ["planned", "approved", "expired"], now, "discarded");
  return { ...record, state: "discarded", endedAt: now, comment: `discarded by ${by}` };
}

export function assertState(
  record: TerraformPlan,
  allowed: readonly PlanState[],
  now: number,
  done: string,
): void {
  const state = stateOf(record, now);
  if (allowed.includes(state)) return;
  throw new BomaError(
    "terraform/plan",
    `the plan ${shortId(record.plan)} cannot be ${done}: ${whyNot(record, state)}`,
    {
      ...(state === "planned" && {
        hint: `boma-master terraform approve ${record.workspace} ${shortId(record.plan)}`,
      }),
    },
  );
}

function whyNot({ needs, approvals, apply, comment }: TerraformPlan, state: PlanState): string {
  if (state === "planned") return `it has ${approvals.length} of ${needs.count} approvals`;
  if (state === "approved") return "it is approved already";
  if (state === "expired") return "its time is over; make another one";
  if (state === "consuming") return `job ${apply?.job} of ${apply?.by} is at it`;
  if (state === "unknown") return `it was begun by job ${apply?.job}, and nobody knows how that ended`;
  return comment === undefined ? `it is ${state}` : `it is ${state}: ${comment.slice(0, 200)}`;
}

/** Nothing can have begun on the node: it did not get the job, or refused it before it noted the plan as used. */
const UNTOUCHED: readonly string[] = ["offline", "expired", "refused"];

/** What became of its job. `undefined`: the job was never made. */
export function settled(record: TerraformPlan, ending: Ending | undefined, now: number): TerraformPlan {
  const ended = (state: TerraformPlan["state"], comment: string): TerraformPlan => ({
    ...record,
    state,
    endedAt: now,
    comment: comment.slice(0, COMMENT_LENGTH_MAX),
  });
  if (!ending) return ended("failed", "its job was never made: the master stopped over it");
  const { status, value, error } = ending;
  const read = ApplyResult.safeParse(value);
  if (read.success) {
    const { applied, said, state } = read.data;
    return applied ? ended("applied", `the state is at serial ${state.serial}`) : ended("failed", said);
  }
  const why = error ? `${error.code}: ${error.message}` : status;
  const isBusy = error?.code === "terraform/busy";
  if (UNTOUCHED.includes(status) || isBusy) {
    const { apply: _, ...again } = record;
    return { ...again, state: "approved", comment: `not begun: ${why}`.slice(0, COMMENT_LENGTH_MAX) };
  }
  // The node says these before it begins, and never after.
  if (status === "failed" && error?.code.startsWith("terraform/")) return ended("failed", why);
  return ended("unknown", why);
}
