/** What nodes owe, and what became of it, as people read it. */
import { escapeLine } from "@boma/protocol";
import { asReport, type OwedRestart } from "@boma/states/core";

import { style } from "../print/output.ts";
import { span, table } from "../print/table.ts";
import type { DomainEnd, TurnEnd } from "./rolling.ts";
import type { Survey } from "./survey.ts";

interface Row extends OwedRestart {
  readonly node: string;
}

export function owedTable({ nodes }: Survey): string {
  const rows: Row[] = [...nodes].flatMap(([node, owed]) => owed.map((one) => ({ node, ...one })));
  rows.sort((a, b) => (a.domain + a.node < b.domain + b.node ? -1 : 1));
  return table(rows, [
    { head: "DOMAIN", text: ({ domain }) => domain },
    { head: "NODE", text: ({ node }) => node },
    { head: "UNIT", text: ({ unit }) => unit },
    { head: "OWED", text: ({ since }) => (since === null ? "?" : span(since)) },
    {
      head: "ROLE",
      text: ({ role }) => (role === null ? "-" : `${role.role}${role.safe ? "" : " (unsafe)"}`),
    },
    { head: "WINDOW", text: windowText },
    { head: "WHY", text: ({ cause, why }) => (cause === null ? why : `${cause} changed`) },
  ]);
}

function windowText({ window: { open, window, at } }: OwedRestart): string {
  if (at === null) return "none";
  return `${window ?? ""} ${open ? "open for" : "in"} ${span(Date.now(), at)}`.trim();
}

export function turnText(domain: string, { node, role, status, ms, error, value }: TurnEnd): string {
  const isDone = status === "ok" || status === "changed";
  const head = style(isDone ? "green" : "red", (isDone ? "done" : status).padEnd(8));
  const what = [domain, node, ...(role === "" ? [] : [`(${role})`])].map(escapeLine).join("  ");
  const lines = [`${head}${what}  ${style("dim", `${(ms / 1000).toFixed(1)} s`)}`];
  if (error) lines.push(`        ${escapeLine(error.message)}`);
  for (const { id, result, comment, error: why } of asReport(value)?.results ?? [])
    if (!["ok", "changed"].includes(result))
      lines.push(`        ${escapeLine(`${id} ${result}: ${why?.message ?? comment}`)}`);
  return lines.join("\n");
}

export function domainText({ domain, state, why, left }: DomainEnd): string | undefined {
  if (state === "done") return undefined;
  const head = style(state === "shut" ? "yellow" : "red", (state === "shut" ? "waits" : "stopped").padEnd(8));
  return `${head}${escapeLine(domain)}  ${escapeLine(why ?? "")}\n        left as they are: ${escapeLine(left.join(", "))}`;
}
