/** Follows a job on the screen, over breaks of the line, until it has settled or the operator leaves. */
import { ExitCode } from "@boma/protocol";

import { type Output, style } from "../print/output.ts";
import { newProgress, type Progress } from "../print/progress.ts";
import { summaryText } from "../print/run-text.ts";
import { exitOf, isSettled, newRunView, runDocument, type RunView, take } from "../print/run-view.ts";
import type { Client } from "./client.ts";
import { followJob, type JobSource } from "./follow-job.ts";

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
  source: JobSource,
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
    if (how === "left") return detach(output, view, source.args.job);
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
  source: JobSource,
  { view, progress, signal }: Watching,
): Promise<void> {
  const lost = () => progress.note("lost the line to the master, and looks for it; what runs goes on");
  for await (const item of followJob(client, source, { signal, lost })) {
    if (signal.aborted) return;
    if (take(view, item)) progress.show(item);
    if (isSettled(view)) return;
  }
}

function detach(output: Output, view: RunView, asked: string): ExitCode {
  output.document({ ...runDocument(view), job: asked, detached: true });
  const job = view.record?.job;
  if (job === undefined)
    output.note(
      `left before the job was made; should the master make it yet: boma-master jobs cancel ${asked}`,
    );
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
