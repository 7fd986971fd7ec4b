/** The end of a run as people read it: nodes with the same result stand together. */
import { escapeControl } from "@boma/protocol";
import { asReport, reportText, slowest } from "@boma/states/core";

import { style } from "./output.ts";
import { counts, exitOf, isOpen, type NodeResult, type RunView } from "./run-view.ts";
import { valueText } from "./value.ts";

const COLOURS: Readonly<Record<string, Parameters<typeof style>[0]>> = {
  ok: "green",
  changed: "yellow",
  failed: "red",
  refused: "red",
  timeout: "magenta",
  offline: "magenta",
  expired: "magenta",
  cancelled: "yellow",
  queued: "cyan",
  running: "blue",
  sent: "blue",
  waiting: "dim",
};
export const paint = (status: string, text = status): string => style(COLOURS[status] ?? "dim", text);

/** Worst first, so that what needs a person is at the end of a short screen and the start of a long list. */
const ORDER = [
  "ok",
  "changed",
  "queued",
  "waiting",
  "sent",
  "running",
  "cancelled",
  "expired",
  "offline",
  "timeout",
  "refused",
  "failed",
];
const INDENT = " ".repeat(10);
const LINES_SHOWN = 40;

interface Group {
  readonly status: string;
  readonly text: string;
  readonly ids: string[];
}

function groups({ nodes }: RunView, told: Look["told"]): Group[] {
  const found = new Map<string, Group>();
  for (const [id, node] of nodes) {
    const text = resultText(node, told);
    const name = `${node.status}\0${text}`;
    const group = found.get(name) ?? { status: node.status, text, ids: [] };
    found.set(name, group);
    group.ids.push(id);
  }
  const rank = ({ status }: Group) => ORDER.indexOf(status);
  return [...found.values()].sort((a, b) => rank(a) - rank(b) || b.ids.length - a.ids.length);
}

function resultText(node: NodeResult, told: Look["told"]): string {
  if (node.status === "queued") return "not connected; the job waits for it";
  if (isOpen(node)) return node.lost ? "lost its connection" : node.notAnswering ? "not answering" : "";
  const { error } = node;
  const report = asReport(node.return);
  const value = () => told?.(node.return) ?? valueText(node.return);
  const parts = [report ? reportText(report, style) : value()];
  if (error)
    parts.push(
      escapeControl(error.message),
      ...(error.hint ? [style("dim", escapeControl(error.hint))] : []),
    );
  return parts.filter((part) => part !== "").join("\n");
}

interface Look {
  /** All names and all lines of every result. */
  readonly full: boolean;
  readonly width: number;
  /** Says a value otherwise than as it is; nothing where it does not know it. */
  readonly told?: ((value: unknown) => string | undefined) | undefined;
}

export function summaryText(view: RunView, seconds: number, { full, width, told }: Look): string {
  const lines: string[] = [];
  for (const { status, text, ids } of groups(view, told)) {
    const [first = "", ...rest] = nameLines(ids.sort(), { full, width: width - INDENT.length });
    lines.push(`${paint(status, status.padEnd(INDENT.length - 1))} ${first}`);
    lines.push(...rest.map((line) => `${INDENT}${line}`), ...indent(text, full));
  }
  lines.push(
    "",
    ...slowest(reports(view)).map((line) => style("dim", line)),
    closingLine(view, seconds),
    ...nextSteps(view),
  );
  return lines.join("\n");
}

/** One line of names that fits, and how many more there are; or all of them, on as many lines as they take. */
function nameLines(ids: readonly string[], { full, width }: Look): string[] {
  const lines: string[] = [];
  const left = [...ids];
  while (left.length > 0 && (full || lines.length === 0)) {
    const limit = full ? width : width - ` and ${ids.length} more`.length;
    let line = left.shift()!;
    while (left.length > 0 && line.length + 1 + left[0]!.length <= limit) line += ` ${left.shift()!}`;
    lines.push(style("bold", line));
  }
  return left.length === 0 ? lines : [`${lines[0]} and ${left.length} more`];
}

function indent(text: string, full: boolean): string[] {
  if (text === "") return [];
  const all = text.split("\n");
  const shown = full ? all : all.slice(0, LINES_SHOWN);
  const more = all.length > shown.length ? [style("dim", `… ${all.length - shown.length} more lines`)] : [];
  return [...shown, ...more].map((line) => `${INDENT}${line}`);
}

const reports = ({ nodes }: RunView) =>
  [...nodes].flatMap(([id, node]) => {
    const report = asReport(node.return);
    return report ? [[id, report] as const] : [];
  });

function closingLine(view: RunView, seconds: number): string {
  const parts = [...counts(view)]
    .sort(([a], [b]) => ORDER.indexOf(a) - ORDER.indexOf(b))
    .map(([status, count]) => paint(status, `${count} ${status}`));
  const nodes = view.nodes.size === 1 ? "1 node" : `${view.nodes.size} nodes`;
  return `${nodes} in ${seconds.toFixed(2)} s: ${parts.join(", ") || "none matched"}`;
}

function nextSteps(view: RunView): string[] {
  const job = view.record?.job;
  if (job === undefined || exitOf(view) === 0) return [];
  const queued = view.nodes.values().some(({ status }) => status === "queued");
  return queued
    ? [style("dim", `follow: boma-master jobs attach ${job}   stop: boma-master jobs cancel ${job}`)]
    : [style("dim", `all of it: boma-master jobs show ${job}`)];
}
