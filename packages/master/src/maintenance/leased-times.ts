/**
 * A job that holds a lease ends, without a word of its node, only when the node
 * cannot be at it any more: it begins soon or never, and is waited for longer.
 */
import type { JobRecord } from "../jobs/job-record.ts";

type Times = Pick<JobRecord, "lease" | "timeoutMs" | "expiresAt">;

const BEGIN_MS = 30_000;
/** What a node takes to stop what it was told to stop. */
const STOP_MS = 15_000;

/** Whoever is there may begin until its return would come too late; whoever is not, until the job expires. */
export const beginsUntil = ({ lease, timeoutMs, expiresAt }: Times, now: number): number =>
  lease === undefined ? Math.max(expiresAt, now + timeoutMs) : now + BEGIN_MS;

/** How much longer than its time a node is waited for. */
export const waitsLonger = ({ lease }: Pick<Times, "lease">): number =>
  lease === undefined ? 0 : BEGIN_MS + STOP_MS;
