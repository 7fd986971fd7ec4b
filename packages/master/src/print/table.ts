import { stripVTControlCharacters } from "node:util";

import { escapeLine } from "@boma/protocol";

import { style } from "./output.ts";

const width = (text: string): number => stripVTControlCharacters(text).length;

export interface Column<T> {
  readonly head: string;
  /** Text from elsewhere: it is escaped here. */
  readonly text: (row: T) => string;
  readonly colour?: (text: string, row: T) => string;
}

/** Rows in columns, as wide as their longest cell. */
export function table<T>(rows: readonly T[], columns: readonly Column<T>[]): string {
  const cells = rows.map((row) => columns.map(({ text }) => escapeLine(text(row))));
  const widths = columns.map(({ head }, i) => Math.max(width(head), ...cells.map((line) => width(line[i]!))));
  const pad = (text: string, i: number, last: boolean) => (last ? text : text.padEnd(widths[i]!));
  const line = (texts: readonly string[], paint: (text: string, i: number) => string) =>
    texts
      .map((text, i) => paint(pad(text, i, i === texts.length - 1), i))
      .join("  ")
      .trimEnd();
  const head = line(
    columns.map((column) => column.head),
    (text) => style("dim", text),
  );
  const body = rows.map((row, r) => line(cells[r]!, (text, i) => columns[i]!.colour?.(text, row) ?? text));
  return [head, ...body].join("\n");
}

/** `3 s`, `2 h`: the time since a moment. */
export function span(at: number, now = Date.now()): string {
  const seconds = Math.max(0, Math.round((now - at) / 1000));
  if (seconds < 90) return `${seconds} s`;
  if (seconds < 5400) return `${Math.round(seconds / 60)} min`;
  if (seconds < 129_600) return `${Math.round(seconds / 3600)} h`;
  return `${Math.round(seconds / 86_400)} d`;
}

export const ago = (at: number): string => `${span(at)} ago`;

export const grainText = (grains: Readonly<Record<string, unknown>>): string =>
  Object.entries(grains)
    .map(([key, value]) => `${key}=${Array.isArray(value) ? value.join(",") : String(value)}`)
    .join(" ");

export const bytesText = (bytes: number): string => `${Math.round(bytes / 1024 / 1024)} MB`;
