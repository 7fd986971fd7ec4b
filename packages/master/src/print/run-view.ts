/** What a job's items add up to: where each node stands, and how it all ends. */
import { isDeepStrictEqual } from "node:util";

import { ExitCode } from "@boma/protocol";

import type { FinalStatus, OpenStatus } from "../jobs/course.ts";
import type { JobRecord } from "../jobs/job-record.ts";
import type { JobItem } from "../jobs/watch.ts";

export interface NodeResult {
  readonly status: FinalStatus | OpenStatus;
  readonly return?: unknown;
  readonly error?: { readonly code: string; readonly message: string; readonly hint?: string | undefined };
  readonly ms?: number;
  readonly lost?: boolean;
  readonly notAnswering?: boolean;
  /** Where a run of states is: so many of so many declarations, and the one that runs. */
  readonly step?: { readonly done: number; readonly total: number; readonly id: string };
}

export interface RunView {
  record: JobRecord | undefined;
  readonly nodes: Map<string, NodeResult>;
  /** What nodes printed, by node and part. */
  readonly printed: Set<string>;
}

export const newRunView = (): RunView => ({ record: undefined, nodes: new Map(), printed: new Set() });

const OPEN: ReadonlySet<string> = new Set(["waiting", "queued", "sent", "running"] satisfies OpenStatus[]);
export const isOpen = ({ status }: NodeResult): boolean => OPEN.has(status);

/** Says whether it is news: after a break of the line all is told once more. */
export function take(view: RunView, item: JobItem): boolean {
  if (item.type === "job") {
    const isFirst = view.record === undefined;
    view.record = item.record;
    return isFirst;
  }
  if (item.type === "expected") return expect(view, item.ids);
  if (item.type === "lines") return hear(view, item);
  if (item.type === "closed") return true;
  const known = view.nodes.get(item.id);
  if (known && !isOpen(known)) return false;
  const now = nodeAfter(known, item);
  if (now) view.nodes.set(item.id, now);
  return item.type !== "status" || !isDeepStrictEqual(standing(now), standing(known));
}

function expect({ nodes }: RunView, ids: readonly string[]): boolean {
  const before = nodes.size;
  for (const id of ids) if (!nodes.has(id)) nodes.set(id, { status: "waiting" });
  return nodes.size > before;
}

function hear({ printed }: RunView, { id, part }: Extract<JobItem, { type: "lines" }>): boolean {
  const name = `${id} ${part}`;
  const isKnown = part !== undefined && printed.has(name);
  printed.add(name);
  return !isKnown;
}

type NodeItem = Extract<JobItem, { type: "status" | "steps" | "ending" }>;

function nodeAfter(known: NodeResult | undefined, item: NodeItem): NodeResult | undefined {
  if (item.type === "steps") return known && { ...known, step: stepAfter(known, item.steps) };
  const { status } = item;
  if (item.type === "status") return { status, lost: item.lost, notAnswering: item.notAnswering };
  const { value, error, ms } = item;
  return {
    status,
    ...(value !== undefined && { return: value }),
    ...(error && { error }),
    ...(ms !== undefined && { ms }),
  };
}

const standing = (node: NodeResult | undefined) => node && [node.status, node.lost, node.notAnswering];

function stepAfter({ step }: NodeResult, steps: Extract<JobItem, { type: "steps" }>["steps"]) {
  const ended = steps.filter(({ result }) => result !== undefined).length;
  const running = steps.findLast(({ result }) => result === undefined);
  const total = steps.at(-1)?.total ?? 0;
  return { done: Math.min(total, (step?.done ?? 0) + ended), total, id: running?.id ?? "" };
}

/** Nothing more will happen soon: every node has ended, or waits in its mailbox until it connects. */
export const isSettled = ({ nodes, record }: RunView): boolean =>
  record !== undefined &&
  nodes.size >= record.nodes &&
  nodes.values().every((node) => !isOpen(node) || node.status === "queued");

const FAILED: ReadonlySet<string> = new Set(["failed", "refused", "cancelled"]);

export function exitOf({ nodes }: RunView): ExitCode {
  let exit: ExitCode = ExitCode.ok;
  for (const { status } of nodes.values()) {
    if (FAILED.has(status)) return ExitCode.failed;
    if (status !== "ok" && status !== "changed") exit = ExitCode.incomplete;
  }
  return exit;
}

export function counts({ nodes }: RunView): Map<string, number> {
  const count = new Map<string, number>();
  for (const { status } of nodes.values()) count.set(status, (count.get(status) ?? 0) + 1);
  return count;
}

/** The document of `run --json`: it names every expected node. */
export function runDocument(view: RunView): object {
  const ids = [...view.nodes.keys()].sort();
  const { record } = view;
  return {
    job: record?.job,
    function: record?.function,
    target: record?.target,
    state: view.nodes.values().some(isOpen) ? "open" : "closed",
    expected: ids,
    nodes: Object.fromEntries(ids.map((id) => [id, { ...view.nodes.get(id), step: undefined }])),
    summary: Object.fromEntries(counts(view)),
    ok: exitOf(view) === ExitCode.ok,
  };
}
