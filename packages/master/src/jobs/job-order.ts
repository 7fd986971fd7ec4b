/** What a node is told of a job. */
import type { JobOrder } from "@boma/protocol";

import { beginsUntil } from "../maintenance/leased-times.ts";
import type { Course } from "./course.ts";
import type { JobRecord } from "./job-record.ts";

export function orderOf(record: JobRecord, status: Course["status"], now: number): JobOrder {
  const { job, function: name, args, timeoutMs, test, operator, createdAt, expiresAt } = record;
  const begin = status === "queued" ? expiresAt : beginsUntil(record, now);
  return { job, function: name, args, timeoutMs, test, operator, issuedAt: createdAt, expiresAt: begin };
}
