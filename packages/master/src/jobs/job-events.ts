/** What the events of a job tell: of its way on a node, of how it ended there, and in all. */
import type { EventData } from "@boma/protocol";
import { RunReport } from "@boma/states/core";

import type { Events, NewEvent } from "../events/events.ts";
import type { Course, Ending } from "./course.ts";
import type { Progress } from "./job-news.ts";
import type { JobRecord } from "./job-record.ts";

/** The rest is in the return. */
const CHANGES_TOLD_MAX = 200;
const MESSAGE_MAX = 2000;

type Told = Extract<NewEvent, { kind: "job.returned" | "job.refused" | "state.changed" }>;

type OnTheWay = Extract<NewEvent, { kind: "job.accepted" | "job.line" | "job.step" }>;

export function progressEvents({ part, lines, dropped, steps }: Progress, began: boolean): OnTheWay[] {
  const told: OnTheWay[] = [];
  if (began) told.push({ kind: "job.accepted" });
  if (lines.length > 0 || dropped > 0)
    told.push({ kind: "job.line", data: { part, lines: [...lines], dropped } });
  const ended = steps.filter(({ result }) => result !== undefined);
  if (ended.length > 0) told.push({ kind: "job.step", data: { steps: ended } });
  return told;
}

/** What was told of a job so far: that it began, where it did, and where it ended. */
export interface ToldOfJob {
  readonly started: boolean;
  readonly begun: ReadonlySet<string>;
  readonly returned: ReadonlySet<string>;
}

export async function toldOf(events: Events, job: string): Promise<ToldOfJob> {
  const nodesOf = async (pattern: string): Promise<Set<string>> => {
    const nodes = new Set<string>();
    for await (const { node = "" } of events.read({ pattern, job })) nodes.add(node);
    return nodes;
  };
  const [started, begun, returned] = await Promise.all(
    ["job.started", "job.accepted", "job.returned"].map(nodesOf),
  );
  return { started: started!.size > 0, begun: begun!, returned: returned! };
}

export function endingEvents({ function: name }: JobRecord, ending: Ending): Told[] {
  const { status, ms, error, value } = ending;
  const code = error && { error: error.code };
  const told: Told[] = [
    { kind: "job.returned", data: { function: name, status, ...(ms !== undefined && { ms }), ...code } },
  ];
  if (status === "refused")
    told.push({
      kind: "job.refused",
      data: { function: name, ...code, ...(error && { message: error.message.slice(0, MESSAGE_MAX) }) },
    });
  const changed = changedIn(value);
  if (changed) told.push({ kind: "state.changed", data: changed });
  return told;
}

function changedIn(value: unknown): EventData<"state.changed"> | undefined {
  if (typeof value !== "object" || value === null || !("results" in value)) return undefined;
  const { data: report } = RunReport.safeParse(value);
  const changed = report?.results.filter(({ result }) => result === "changed") ?? [];
  if (changed.length === 0) return undefined;
  return {
    changed: changed
      .slice(0, CHANGES_TOLD_MAX)
      .map(({ id, changes, comment }) => ({ resource: id, changes, comment })),
    more: Math.max(0, changed.length - CHANGES_TOLD_MAX),
  };
}

export function statusCounts(courses: Iterable<Readonly<Course>>): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { status } of courses) counts[status] = (counts[status] ?? 0) + 1;
  return counts;
}
