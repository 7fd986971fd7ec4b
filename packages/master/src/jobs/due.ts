/** When something falls due for a node of a job if nothing is heard until then, and what it is. */
import { COME_BACK_MS } from "@boma/protocol";

import type { Course, Ending } from "./course.ts";
import {
  cancelledEnding,
  expiredEnding,
  lostEnding,
  offlineEnding,
  overdueEnding,
  silentEnding,
} from "./endings.ts";
import type { JobRecord } from "./job-record.ts";

/** Who did not hear what was called out has it posted after this time, however much others say. */
const UNHEARD_MS = 10_000;

interface Heard {
  readonly record: JobRecord;
  /** When any node of the job was heard last: while returns flow in, nobody is called silent. */
  readonly heardAt: number;
}

export function dueAt(course: Course, { record, heardAt }: Heard): number {
  const { status, deadline, sentAt, lostAt } = course;
  if (status === "queued") return record.expiresAt;
  if (status !== "sent" && status !== "running") return Number.POSITIVE_INFINITY;
  if (lostAt !== undefined && record.effect === "read") return Math.min(deadline, lostAt + COME_BACK_MS);
  // It is still on its way to the bus, which takes it or says why not.
  if (status === "sent" && course.order === "held" && record.state !== "cancelled")
    return Number.POSITIVE_INFINITY;
  const silent = status === "sent" && lostAt === undefined && !course.notAnswering;
  if (!silent) return deadline;
  const others = course.order === "called" ? Math.min(heardAt, sentAt + UNHEARD_MS) : heardAt;
  return Math.min(deadline, Math.max(sentAt, others) + course.silenceMs);
}

/** Its ending; or that its order goes into its mailbox as well; or that it is named as one that does not answer. */
export function whatIsDue(course: Course, record: JobRecord, now: number): Ending | "post" | "name" {
  if (course.status === "queued") return expiredEnding;
  if (now >= course.deadline) return overdue(course, record);
  if (course.lostAt !== undefined) return offlineEnding;
  if (course.order === "called") return "post";
  // A write may have begun: its node is waited for.
  return record.effect === "read" ? silentEnding : "name";
}

function overdue({ status, lostAt }: Course, { state }: JobRecord): Ending {
  if (state === "cancelled")
    return {
      ...cancelledEnding,
      error: { code: "job/timeout", message: "cancelled; the node did not say that it stopped" },
    };
  if (lostAt !== undefined) return lostEnding;
  return status === "running" ? overdueEnding : silentEnding;
}
