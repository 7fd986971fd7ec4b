/** Records as people read them: who did what to whom, and how it ended. */
import { escapeLine } from "@boma/protocol";

import { style } from "../print/output.ts";
import type { AuditEntry } from "./record.ts";

const SHOWN_MAX = 200;

export interface ShowFilter {
  readonly by?: string | undefined;
  readonly node?: string | undefined;
  readonly job?: string | undefined;
}

export const word = (value: unknown): string =>
  escapeLine(typeof value === "string" ? value : (JSON.stringify(value) ?? ""));

/** What a record is about, where it is about one of these. */
export function fitsFilter(entry: AuditEntry, { by, node, job }: ShowFilter): boolean {
  if (by !== undefined && entry["operator"] !== by) return false;
  if (job !== undefined && entry["job"] !== job) return false;
  if (node === undefined) return true;
  if (entry["node"] === node || entry["id"] === node) return true;
  return Array.isArray(entry["nodes"]) && (entry["nodes"] as unknown[][]).some((row) => row.includes(node));
}

export function entryText(entry: AuditEntry): string {
  const { n, at } = entry;
  return `${style("dim", `${n} ${word(at)}`)} ${entryWords(entry)}`;
}

/** What it says, without its place in the chain. */
export function entryWords(entry: AuditEntry): string {
  const { kind } = entry;
  const said = (TEXTS[kind] ?? other)(entry);
  return `${style(COLOURS[kind] ?? "bold", word(kind))} ${said}`;
}

const COLOURS: Readonly<Record<string, Parameters<typeof style>[0]>> = {
  denied: "red",
  request: "yellow",
  job: "blue",
  result: "cyan",
};

export const short = (value: unknown): string => {
  const text = word(value);
  return text.length > SHOWN_MAX ? `${text.slice(0, SHOWN_MAX)}…` : text;
};
const named = ({ operator, causes, from }: AuditEntry): string =>
  `${word(operator)}${causes ? ` (${word(causes)})` : ""}${from === undefined ? "" : ` from ${word(from)}`}`;
const failure = (error: unknown): string => (error === undefined ? "" : ` ${style("red", word(error))}`);

const TEXTS: Readonly<Record<string, (entry: AuditEntry) => string>> = {
  request: (entry) => `${named(entry)}: ${word(entry["verb"])} ${style("dim", short(entry["args"]))}`,
  denied: (entry) =>
    `${entry["request"] === undefined ? "" : `${word(entry["request"])} `}${named(entry)}: ${word(entry["verb"])}: ${short(entry["reason"])}`,
  ended: ({ request, job, error }) =>
    `${word(request)}${job === undefined ? "" : ` job ${word(job)}`}${failure(error) || " ok"}`,
  job: (entry) =>
    `${word(entry["job"])} ${named(entry)}: ${word(entry["function"])} ${style("dim", short(entry["args"]))} on ${short(entry["target"])}, ${word(entry["count"])} nodes${entry["test"] === true ? ", test" : ""}`,
  result: ({ job, id, status, by, ms, error }) =>
    `${word(job)} ${word(id)}: ${word(status)}${ms === undefined ? "" : ` ${Math.round(Number(ms))} ms`}${failure(error)}${by === undefined ? "" : " (said by the master)"}`,
  sent: ({ job, node, catalog }) => `${word(job)} ${word(node)}: catalog ${word(catalog)}`,
  late: ({ job, id, status, ms }) =>
    `${word(job)} ${word(id)}: ${word(status)} ${Math.round(Number(ms))} ms, after the job had closed`,
  finished: ({ job, statuses }) => `${word(job)} ${word(statuses)}`,
  enrolled: ({ id, fingerprint, by, assigned }) =>
    `${word(id)} ${word(fingerprint)} by ${word(by)} ${style("dim", short(assigned))}`,
  leads: ({ term, after }) =>
    `in term ${word(term)}, after ${word((after as { host?: unknown } | undefined)?.host)}`,
  rekeyed: ({ id, fingerprint }) => `${word(id)} ${word(fingerprint)}`,
  revoked: ({ id, fingerprint }) => `${word(id)} ${word(fingerprint)}`,
  assigned: ({ id, assigned }) => `${word(id)} ${short(assigned)}`,
};

function other({ n: _n, at: _at, prev: _prev, kind: _kind, ...said }: AuditEntry): string {
  return style("dim", short(said));
}
