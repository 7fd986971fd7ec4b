/** What was measured, as a table for people and as data for programs: group by group, each from the last run of it. */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { cpus, loadavg, release, totalmem } from "node:os";

export interface Figure {
  readonly name: string;
  readonly unit: string;
  readonly runs: readonly number[];
  /** What design.md §11 asks for. */
  readonly budget?: string;
  readonly note?: string;
}

/** One run of one group. */
export interface Measured {
  readonly date: string;
  readonly command: string;
  readonly boma: string;
  readonly nats: string;
  readonly machine: Readonly<Record<string, string | number>>;
  readonly load: { readonly before: string; readonly after: string };
  readonly problems: readonly string[];
  readonly figures: readonly Figure[];
}
type Groups = Readonly<Record<string, Measured>>;

const DATA = new URL("results.json", import.meta.url);
const PAGE = new URL("results.md", import.meta.url);

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

const shown = (value: number): string =>
  value >= 1000 ? Math.round(value).toLocaleString("en") : value >= 10 ? value.toFixed(0) : value.toFixed(2);

const row = ({ name, unit, runs, budget, note }: Figure): string[] => [
  name,
  unit,
  shown(median(runs)),
  shown(Math.min(...runs)),
  shown(Math.max(...runs)),
  String(runs.length),
  budget ?? "",
  note ?? "",
];

const HEAD = ["what", "unit", "median", "min", "max", "runs", "budget", "note"];
const isNumber = (column: number): boolean => column >= 2 && column <= 5;

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

/** What was measured of other groups before stays: `order` is that of the page. */
export function keep(measured: Groups, order: readonly string[]): void {
  const before = existsSync(DATA) ? (JSON.parse(readFileSync(DATA, "utf8")) as Groups) : {};
  const held = { ...before, ...measured };
  const groups = Object.fromEntries(order.flatMap((name) => (held[name] ? [[name, held[name]]] : [])));
  writeFileSync(DATA, `${JSON.stringify(groups, undefined, 2)}\n`);
  writeFileSync(PAGE, page(groups));
}

const page = (groups: Groups): string =>
  [
    "# Measured",
    "",
    "Master, nats-server, all agents and the command lines share one machine and talk over loopback. Medians, and the raw",
    "runs in `results.json`. Each group is from the last run of it that was kept, on the machine and at the load named there.",
    "",
    ...Object.entries(groups).flatMap(([name, measured]) => [...section(name, measured), ""]),
  ].join("\n");

function section(name: string, measured: Measured): readonly string[] {
  const { date, command, boma, nats, load: loads, problems, figures } = measured;
  const { cpu, cores, ramGiB, kernel, system, node } = measured.machine;
  const line = (cells: readonly string[]) => `| ${cells.join(" | ")} |`;
  return [
    `## ${name}`,
    "",
    `\`${command}\`, ${date}, boma ${boma}, nats-server ${nats}, Node ${node}.`,
    `${cpu}, ${cores} cores, ${ramGiB} GiB, ${system}, kernel ${kernel}. Load before: ${loads.before}; after: ${loads.after}.`,
    "",
    line(HEAD),
    line(HEAD.map((_, column) => (isNumber(column) ? "--:" : "---"))),
    ...figures.map((figure) => line(row(figure))),
    ...(problems.length > 0 ? ["", "Not as wished:", "", ...problems.map((problem) => `- ${problem}`)] : []),
  ];
}

export function table(figures: readonly Figure[]): string {
  const rows = [HEAD, ...figures.map(row)].map((cells) => cells.slice(0, 7));
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((cells) => cells[column]!.length)));
  const padded = (cell: string, column: number) =>
    isNumber(column) ? cell.padStart(widths[column]!) : cell.padEnd(widths[column]!);
  return rows.map((cells) => cells.map(padded).join("  ").trimEnd()).join("\n");
}
