/** What states made of a node, as people read it: what is as it should be is only counted. */
import { escapeControl, escapeLine } from "@boma/protocol";

import { type ReportedChange, type Result, RunReport, type StateResult } from "./report.ts";

export type Paint = (
  colour: "green" | "yellow" | "red" | "magenta" | "cyan" | "dim" | "bold",
  text: string,
) => string;

const COLOURS = {
  ok: "green",
  changed: "yellow",
  "would-change": "yellow",
  failed: "red",
  skipped: "dim",
  refused: "red",
  unknown: "magenta",
} as const satisfies Record<Result, string>;

export const asReport = (value: unknown): RunReport | undefined =>
  typeof value === "object" && value !== null && "results" in value
    ? RunReport.safeParse(value).data
    : undefined;

export function reportText({ results, summary, cut }: RunReport, paint: Paint): string {
  const shown = results.filter(
    ({ result, refreshed, pending }) => result !== "ok" || refreshed || pending !== undefined,
  );
  const lines = shown.flatMap((one) => resultLines(one, paint));
  const counted = (Object.keys(COLOURS) as Result[]).filter((result) => summary[result] > 0);
  const closing = counted.map((result) => paint(COLOURS[result], `${summary[result]} ${result}`));
  if (cut) lines.push(paint("dim", cutText(results.length, summary)));
  return [...lines, closing.join(", ") || "no declarations"].join("\n");
}

/** What was in order is not shown anyway; whatever else is missing is said. */
function cutText(kept: number, { total, ok }: RunReport["summary"]): string {
  const missing = Math.max(0, total - ok - kept);
  const what = missing === 0 ? "details" : `${missing} more results`;
  return `(too much for one message: ${what} left out)`;
}

function resultLines(
  { id, result, comment, changes, error, refreshed }: StateResult,
  paint: Paint,
): string[] {
  const said = [refreshed ? "refreshed" : "", error ? "" : comment].filter((part) => part !== "").join("; ");
  const head = `${paint(COLOURS[result], result.padEnd(12))} ${paint("bold", escapeLine(id))}`;
  return [
    said === "" ? head : `${head}  ${paint("dim", escapeLine(said))}`,
    ...Object.entries(changes).flatMap(([name, change]) => changeLines(name, change, paint)),
    ...(error ? indented([error.message, error.hint].filter((part) => part !== "").join("\n")) : []),
  ];
}

const INDENT = "    ";
const indented = (text: string): string[] =>
  escapeControl(text)
    .split("\n")
    .map((line) => INDENT + line);

export function changeLines(name: string, { from, to, diff }: ReportedChange, paint: Paint): string[] {
  if (diff !== undefined)
    return [
      `${INDENT}${name}`,
      ...diff
        .replace(/\n$/, "")
        .split("\n")
        .map((line) => diffLine(line, paint)),
    ];
  const [before, after] = [shortText(from), shortText(to)];
  return [
    `${INDENT}${name}  ${before === "" ? "" : `${paint("red", before)} → `}${paint("green", after === "" ? "(nothing)" : after)}`,
  ];
}

function shortText(value: unknown): string {
  if (value === undefined || value === null) return "";
  return escapeLine(typeof value === "string" ? value.replaceAll("\n", "\\n") : JSON.stringify(value));
}

function diffLine(line: string, paint: Paint): string {
  const safe = INDENT + escapeLine(line);
  if (line.startsWith("+")) return paint("green", safe);
  if (line.startsWith("-")) return paint("red", safe);
  return paint(line.startsWith("@@") ? "cyan" : "dim", safe);
}

const SLOW_MS = 500;
const SLOW_SHOWN = 3;

/** The declarations that took longest, over all nodes: where a run's time went. */
export function slowest(reports: Iterable<readonly [node: string, report: RunReport]>): string[] {
  const all = [...reports].flatMap(([node, { results }]) => results.map((one) => ({ node, ...one })));
  return all
    .filter(({ ms }) => ms >= SLOW_MS)
    .sort((a, b) => b.ms - a.ms)
    .slice(0, SLOW_SHOWN)
    .map(({ node, id, ms }) => `${(ms / 1000).toFixed(1)} s  ${escapeLine(id)} on ${node}`);
}
