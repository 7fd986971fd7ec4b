/** A job as a sequence of items: what it is, what has happened, and then what happens, until every node has ended. */
import { BomaError, type ProgressStep } from "@boma/protocol";

import type { Control } from "../control.ts";
import { queueOf } from "../queue.ts";
import { type Course, type Ending, isFinal, type OpenStatus } from "./course.ts";
import type { JobNews, Printed } from "./job-news.ts";
import type { JobRecord } from "./job-record.ts";
import type { Job } from "./job.ts";

/** Ids in one item of the expected set. */
const EXPECTED_PER_ITEM = 2_000;

export type JobItem =
  | { readonly type: "job"; readonly record: JobRecord }
  | { readonly type: "expected"; readonly ids: readonly string[] }
  | {
      readonly type: "status";
      readonly id: string;
      readonly status: OpenStatus;
      readonly lost: boolean;
      readonly notAnswering: boolean;
    }
  | ({ readonly type: "lines"; readonly id: string } & Printed)
  | { readonly type: "steps"; readonly id: string; readonly steps: readonly ProgressStep[] }
  | ({ readonly type: "ending"; readonly id: string } & Ending)
  | { readonly type: "closed"; readonly state: JobRecord["state"] };

interface Watch {
  /** Go on until every node has ended. */
  readonly follow: boolean;
  /** Nothing has happened yet, so there is no past to read. */
  readonly fresh: boolean;
}

/** Listening begins with the call, so that nothing is missed before the first item is taken. */
export function watchJob(
  control: Control,
  { record, job }: { record: JobRecord; job: Job | undefined },
  { follow, fresh }: Watch,
  signal: AbortSignal,
): AsyncGenerator<JobItem> {
  const news = queueOf<JobNews>(signal);
  const stop = job?.listen((item) => {
    news.push(item);
    if (item.type === "closed") news.end();
  });
  const { taking } = control.store;
  const endAtTrouble = taking.listen((trouble) => trouble !== undefined && news.end());
  return items();

  async function* items(): AsyncGenerator<JobItem> {
    try {
      yield { type: "job", record };
      if (job && follow) assertKept(taking.trouble, record);
      yield* expectedItems(job ? [...job.courses.values()] : await control.jobs.store.expected(record.job));
      const told = new Set<string>();
      if (!fresh) yield* past(control, record.job, job, told);
      if (job)
        for (const course of job.courses.values()) if (!isFinal(course.status)) yield statusItem(course);
      const open = job && job.record.closedAt === undefined;
      if (open && follow) for await (const item of news) yield* newsItems(item, told);
      if (follow && job?.record.closedAt === undefined) assertKept(taking.trouble, record);
      else if (!open) news.end();
      // A job that closed while its past was read has said the rest by now.
      if (job && !open) for await (const item of news) yield* newsItems(item, told);
      yield { type: "closed", state: job?.record.state ?? record.state };
    } finally {
      stop?.();
      endAtTrouble();
    }
  }
}

/** What a node ends with is told after it is kept; while nothing is, nobody waits in silence. */
function assertKept(trouble: string | undefined, { job }: JobRecord): void {
  if (trouble === undefined) return;
  throw new BomaError("bus/full", `job ${job} goes on, and how it ends cannot be kept now: ${trouble}`, {
    hint: `Make room (\`boma-master doctor\`), then: boma-master jobs attach ${job}`,
  });
}

function* expectedItems(nodes: readonly { id: string }[]): Generator<JobItem> {
  for (let at = 0; at < nodes.length || at === 0; at += EXPECTED_PER_ITEM)
    yield { type: "expected", ids: nodes.slice(at, at + EXPECTED_PER_ITEM).map(({ id }) => id) };
}

async function* past(
  control: Control,
  job: string,
  open: Job | undefined,
  told: Set<string>,
): AsyncGenerator<JobItem> {
  await control.events.settled();
  for await (const event of control.events.read({ pattern: "job.line", job })) {
    const printed = event.data as unknown as Printed;
    const { node = "", id = "" } = event;
    told.add(nameOf(node, printed));
    yield { type: "lines", id, ...printed };
  }
  const ids = new Map(
    (open ? [...open.courses.values()] : await control.jobs.store.expected(job)).map(({ key, id }) => [
      key,
      id,
    ]),
  );
  for await (const { key, ending } of control.jobs.store.endings(job)) {
    told.add(key);
    yield { type: "ending", id: ids.get(key) ?? key, ...ending };
  }
}

const nameOf = (key: string, { part }: Printed): string => `${key} ${part}`;

function* newsItems(news: JobNews, told: Set<string>): Generator<JobItem> {
  if (news.type === "closed") return;
  const { course } = news;
  if (news.type === "lines") {
    const { part, lines, dropped } = news;
    if (!told.has(nameOf(course.key, news))) yield { type: "lines", id: course.id, part, lines, dropped };
  } else if (news.type === "steps") yield { type: "steps", id: course.id, steps: news.steps };
  else if (news.type === "ending") {
    if (told.has(course.key)) return;
    told.add(course.key);
    yield { type: "ending", id: course.id, ...news.ending };
  } else if (!isFinal(course.status)) yield statusItem(course);
}

const statusItem = ({ id, status, lostAt, notAnswering }: Readonly<Course>): JobItem => ({
  type: "status",
  id,
  status: status as OpenStatus,
  lost: lostAt !== undefined,
  notAnswering,
});
