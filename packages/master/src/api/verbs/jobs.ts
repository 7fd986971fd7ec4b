import { BomaError, JobId } from "@boma/protocol";
import { z } from "zod";

import type { Control } from "../../control.ts";
import { isFinal } from "../../jobs/course.ts";
import type { JobRecord } from "../../jobs/job-record.ts";
import type { Job } from "../../jobs/job.ts";
import type { Known } from "../../jobs/jobs.ts";
import { watchJob } from "../../jobs/watch.ts";
import { type Asked, defineVerb } from "../verb.ts";

/** A job that is open, or one that is only stored. */
async function find(control: Control, id: string): Promise<Known> {
  const job = control.jobs.get(id);
  return { record: job?.record ?? (await control.jobs.store.read(id)), job };
}

export const jobAttach = defineVerb({
  verb: "job.attach",
  right: "read",
  args: z.strictObject({ job: JobId }),
  async *answer({ job }, { control, signal }) {
    yield* watchJob(control, await find(control, job), { follow: true, fresh: false }, signal);
  },
});

export const jobShow = defineVerb({
  verb: "job.show",
  right: "read",
  args: z.strictObject({ job: JobId }),
  async *answer({ job }, { control, signal }) {
    yield* watchJob(control, await find(control, job), { follow: false, fresh: false }, signal);
  },
});

export const jobList = defineVerb({
  verb: "job.list",
  right: "read",
  args: z.strictObject({ limit: z.number().int().positive().max(10_000) }),
  async answer({ limit }, { control }) {
    const records: JobRecord[] = [];
    for await (const record of control.jobs.store.list()) records.push(record);
    records.sort((a, b) => (a.job < b.job ? 1 : -1));
    return records
      .slice(0, limit)
      .map((record) => ({ ...record, args: undefined, pending: pendingOf(control.jobs.get(record.job)) }));
  },
});

const pendingOf = (job: Job | undefined): number =>
  job ? [...job.courses.values()].filter(({ status }) => !isFinal(status)).length : 0;

export const jobCancel = defineVerb({
  verb: "job.cancel",
  right: "itself",
  args: z.strictObject({ job: JobId }),
  async answer({ job }, { control, operator }: Asked) {
    const { record } = await find(control, job);
    if (record.operator !== operator.name && !operator.rights.admin)
      throw new BomaError("operator/denied", `${operator.name} may not cancel a job of ${record.operator}`);
    await control.jobs.cancel(job, operator.name);
    return { job };
  },
});
