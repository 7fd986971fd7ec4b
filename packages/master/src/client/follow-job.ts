/**
 * A job as the master tells of it, over breaks of the line and changes of masters. Whoever asks for a job names it, so
 * one whose answer was lost is asked for again without there being two (docs/decisions/0030-named-jobs.md).
 */
import { BomaError, newJobId, type Verb } from "@boma/protocol";

import type { JobItem } from "../jobs/watch.ts";
import type { Client } from "./client.ts";
import { FeedBroken, isOutage } from "./outage.ts";

/** How long a lost master is looked for; the job goes on without whoever looks. */
const LOST_MS_MAX = 60_000;
/** An answer may be lost as the request was: a job that is there is asked for often. */
const ATTACH_MS = 3_000;
const AGAIN_MS = 500;

export interface JobSource {
  readonly verb: Verb;
  readonly args: { readonly job: string };
  readonly answerMs?: number | undefined;
}

export const newJob = (args: object, answerMs?: number): JobSource => ({
  verb: "job.start",
  args: { ...args, job: newJobId() },
  answerMs,
});

interface Following {
  readonly signal?: AbortSignal;
  /** Hears that the master is not there any more, and is looked for. */
  readonly lost?: () => void;
}

export async function* followJob(
  client: Client,
  source: JobSource,
  { signal, lost }: Following = {},
): AsyncGenerator<JobItem> {
  const { job } = source.args;
  let lostAt: number | undefined;
  const attach: JobSource = { verb: "job.attach", args: { job }, answerMs: ATTACH_MS };
  let next = source;
  for (;;)
    try {
      for await (const item of client.follow<JobItem>(next.verb, next.args, next.answerMs)) {
        lostAt = undefined;
        if (source.verb === "job.start") next = attach;
        yield item;
      }
      return;
    } catch (error) {
      if (signal?.aborted) return;
      if (!(error instanceof FeedBroken || (lostAt !== undefined && passes(error)))) throw error;
      if (lostAt === undefined) lost?.();
      lostAt ??= performance.now();
      const isMade = next.verb !== "job.start";
      if (performance.now() - lostAt > LOST_MS_MAX) throw lostFor(job, isMade, error);
      await new Promise((resolve) => setTimeout(resolve, AGAIN_MS));
    }
}

/** A master that has just begun may not know the job yet. */
const passes = (error: unknown): boolean =>
  isOutage(error) || (error instanceof BomaError && error.code === "job/unknown");

function lostFor(job: string, isMade: boolean, cause: unknown): BomaError {
  const message = isMade
    ? `lost the master while job ${job} ran; the job goes on`
    : `lost the master while job ${job} was asked for; whether there is one is not known`;
  return new BomaError("master/unreachable", message, {
    hint: `Look again later: boma-master jobs ${isMade ? "attach" : "show"} ${job}`,
    cause,
  });
}
