/** What was measured, as a table for people and as data for programs. */
import { readFileSync } from "node:fs";
import { cpus, loadavg, release, totalmem } from "node:os";

export interface Figure {
  readonly name: string;
  readonly unit: string;
  readonly runs: readonly number[];
  /** What design.md §11 asks for. */
  readonly budget?: string;
  readonly salt?: string;
  readonly note?: string;
}

export interface Context {
  readonly date: string;
  readonly command: string;
  readonly boma: string;
  readonly nats: string;
  readonly loadBefore: string;
  readonly problems: readonly string[];
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

const shown = (value: number): string =>
  value >= 1000 ? Math.round(value).toLocaleString("en") : value >= 10 ? value.toFixed(0) : value.toFixed(2);

const row = ({ name, unit, runs, budget, salt, note }: Figure): string[] => [
  name,
  unit,
  shown(median(runs)),
  shown(Math.min(...runs)),
  shown(Math.max(...runs)),
  String(runs.length),
  budget ?? "",
  salt ?? "",
  note ?? "",
];

const HEAD = ["what", "unit", "median", "min", "max", "runs", "budget", "Salt 3006 ¹", "note"];

export const load = (): string =>
  loadavg()
    .map((value) => value.toFixed(2))
    .join(" ");

export function machine(): Record<string, string | number> {
  const name = readFileSync("/etc/os-release", "utf8").match(/^PRETTY_NAME="(.*)"$/m)?.[1] ?? "?";
  return {
    cpu: cpus()[0]?.model ?? "?",
    cores: cpus().length,
    ramGiB: Math.round(totalmem() / 1024 ** 3),
    kernel: release(),
    system: name,
    node: process.version,
  };
}

export function markdown(figures: readonly Figure[], context: Context): string {
  const { cpu, cores, ramGiB, kernel, system, node } = machine();
  const line = (cells: readonly string[]) => `| ${cells.join(" | ")} |`;
  return [
    "# Measured",
    "",
    `${context.date}, boma ${context.boma}, nats-server ${context.nats}, Node ${node}.`,
    `${cpu}, ${cores} cores, ${ramGiB} GiB, ${system}, kernel ${kernel}.`,
    "Master, nats-server, all agents and the command lines share this machine and talk over loopback.",
    `Load average before the first run: ${context.loadBefore}; after the last: ${load()}.`,
    "",
    `    ${context.command}`,
    "",
    line(HEAD),
    line(HEAD.map((_, index) => (index >= 2 && index <= 5 ? "--:" : "---"))),
    ...figures.map((figure) => line(row(figure))),
    "",
    "¹ Salt 3006 (same shape, measured earlier on two cores): not run together with these figures.",
    ...(context.problems.length > 0
      ? ["", "## Not as wished", "", ...context.problems.map((problem) => `- ${problem}`)]
      : []),
    "",
  ].join("\n");
}

export function table(figures: readonly Figure[]): string {
  const rows = [HEAD.slice(0, 7), ...figures.map((figure) => row(figure).slice(0, 7))];
  const widths = HEAD.slice(0, 7).map((_, column) => Math.max(...rows.map((cells) => cells[column]!.length)));
  return rows
    .map((cells) =>
      cells
        .map((cell, column) =>
          column >= 2 && column <= 5 ? cell.padStart(widths[column]!) : cell.padEnd(widths[column]!),
        )
        .join("  ")
        .trimEnd(),
    )
    .join("\n");
}
