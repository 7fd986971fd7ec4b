/** Follows a job on the screen, over breaks of the line, until it has settled or the operator leaves. */
import { BomaError, ExitCode, type Verb } from "@boma/protocol";

import type { JobItem } from "../jobs/watch.ts";
import { type Output, style } from "../print/output.ts";
import { newProgress, type Progress } from "../print/progress.ts";
import { summaryText } from "../print/run-text.ts";
import { exitOf, isSettled, newRunView, runDocument, type RunView, take } from "../print/run-view.ts";
import { type Client, FeedBroken } from "./client.ts";

/** How long a lost master is looked for before the command gives up; the job goes on without it. */
const LOST_MS_MAX = 60_000;
/** Between accounts the bus does not say that nobody is there, so a master that starts is asked often. */
const RETRY_MS = 1_500;

interface Source {
  readonly verb: Verb;
  readonly args: object;
  readonly answerMs?: number;
}

interface WatchOptions {
  readonly full?: boolean;
  readonly follow?: boolean;
  /** What else belongs into the document of a run that has settled. */
  readonly more?: (view: RunView, exit: ExitCode) => Promise<object>;
  /** What a node gave back, for people, where that is better said otherwise than as it is. */
  readonly told?: (value: unknown) => string | undefined;
}

export async function watchRun(
  client: Client,
  output: Output,
  source: Source,
  { full = false, follow = true, more, told }: WatchOptions = {},
): Promise<ExitCode> {
  const view = newRunView();
  const progress = await newProgress(output, view);
  const start = performance.now();
  const left = Promise.withResolvers<"left">();
  const leaving = new AbortController();
  const leave = () => {
    leaving.abort();
    left.resolve("left");
  };
  process.once("SIGINT", leave);
  try {
    const followed = followAll(client, source, { view, progress, signal: leaving.signal });
    const how = await Promise.race([followed, left.promise]);
    progress.done();
    if (how === "left") return detach(output, view);
  } finally {
    process.off("SIGINT", leave);
    progress.done();
  }
  const exit = exitOf(view);
  const document = { ...runDocument(view), ...(await more?.(view, exit)) };
  output.document(output.mode === "ndjson" ? { type: "summary", ...document } : document);
  const { record } = view;
  const took = follow
    ? performance.now() - start
    : (record?.closedAt ?? Date.now()) - (record?.createdAt ?? 0);
  output.line(summaryText(view, took / 1000, { full, width: output.width, told }));
  return exit;
}

interface Watching {
  readonly view: RunView;
  readonly progress: Progress;
  /** Ends when the operator leaves. */
  readonly signal: AbortSignal;
}

async function followAll(
  client: Client,
  source: Source,
  { view, progress, signal }: Watching,
): Promise<void> {
  let next = source;
  let lostAt: number | undefined;
  for (;;) {
    try {
      for await (const item of client.follow<JobItem>(next.verb, next.args, next.answerMs)) {
        lostAt = undefined;
        if (signal.aborted) return;
        take(view, item);
        progress.show(item);
        if (isSettled(view)) return;
      }
      return;
    } catch (error) {
      if (signal.aborted) return;
      const job = view.record?.job;
      const mayReturn = error instanceof FeedBroken || (lostAt !== undefined && isOutage(error));
      if (job === undefined || !mayReturn) throw error;
      lostAt ??= Date.now();
      if (Date.now() - lostAt > LOST_MS_MAX)
        throw new BomaError("master/unreachable", `lost the master while job ${job} ran; the job goes on`, {
          hint: `Look again later: boma-master jobs attach ${job}`,
          cause: error,
        });
      next = { verb: "job.attach", args: { job }, answerMs: RETRY_MS };
      await new Promise((resolve) => setTimeout(resolve, 500));
    }
  }
}

const isOutage = (error: unknown): boolean =>
  error instanceof BomaError &&
  // A master that says so is there.
  error.code !== "bus/full" &&
  (error.exit === ExitCode.unreachable || error.code === "job/unknown");

function detach(output: Output, view: RunView): ExitCode {
  const job = view.record?.job;
  output.document({ ...runDocument(view), detached: true });
  if (job === undefined) output.note("left before the job was made");
  else
    output.note(
      [
        `${style("yellow", "detached")}: job ${job} goes on`,
        `  follow  boma-master jobs attach ${job}`,
        `  stop    boma-master jobs cancel ${job}`,
      ].join("\n"),
    );
  return ExitCode.incomplete;
}
