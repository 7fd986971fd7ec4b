/** What a running boma takes of its machine, looked at now and then, and whether any of it grows without bound. */
import { existsSync, globSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";

import type { StreamName } from "../../packages/master/src/bus/streams.ts";

export interface Figure {
  readonly name: string;
  readonly unit: "MiB" | "" | "bytes";
  /** What the last quarter may have more than the second: by factor, and besides. */
  readonly bound: { readonly factor: number; readonly more: number } | { readonly most: number };
}

const MIB = 1024 ** 2;

/** History is counted by the event: it is kept on purpose, up to the bounds of its streams. */
export const FIGURES = {
  masterRss: { name: "master: memory", unit: "MiB", bound: { factor: 1.15, more: 24 } },
  masterFds: { name: "master: open handles", unit: "", bound: { factor: 1, more: 8 } },
  /** Without what it needs to find what it keeps. */
  busRss: {
    name: "bus: memory, besides 400 bytes a message",
    unit: "MiB",
    bound: { factor: 1.25, more: 24 },
  },
  busFds: { name: "bus: open handles", unit: "", bound: { factor: 1.1, more: 12 } },
  agentRss: { name: "agents, real, the largest: memory", unit: "MiB", bound: { factor: 1.1, more: 8 } },
  agentFds: { name: "agents, real, the most: open handles", unit: "", bound: { factor: 1, more: 4 } },
  fleetRss: { name: "agents, emulated, all: memory", unit: "MiB", bound: { factor: 1.15, more: 24 } },
  fleetFds: { name: "agents, emulated, all: open handles", unit: "", bound: { factor: 1.05, more: 8 } },
  nodeFiles: { name: "the largest journal or spool of a node", unit: "MiB", bound: { most: 6 } },
  records: { name: "RECORDS", unit: "MiB", bound: { factor: 1.2, more: 0.5 } },
  mailbox: { name: "MAILBOX", unit: "MiB", bound: { factor: 1.2, more: 0.5 } },
  inbox: { name: "INBOX", unit: "MiB", bound: { factor: 1, more: 1 } },
  chunks: { name: "CHUNKS", unit: "MiB", bound: { factor: 1.2, more: 1 } },
  historyPerEvent: {
    name: "JOBS, EVENTS and AUDIT, for each event",
    unit: "bytes",
    bound: { factor: 1.2, more: 64 },
  },
  auditPerEvent: {
    name: "audit on the disk, for each event",
    unit: "bytes",
    bound: { factor: 1.2, more: 64 },
  },
} as const satisfies Readonly<Record<string, Figure>>;

export type FigureName = keyof typeof FIGURES;
/** One look; what could not be had at that moment is not in it. */
export type Sample = Partial<Record<FigureName, number>>;

export const rssOf = (pid: number): number =>
  Number(/^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))![1]) / 1024;
export const fdsOf = (pid: number): number => readdirSync(`/proc/${pid}/fd`).length;

const sizeOf = (file: string): number => (existsSync(file) ? statSync(file).size : 0);
const filesBelow = (dir: string): string[] => globSync("**", { cwd: dir }).map((name) => join(dir, name));

export const bytesBelow = (dir: string): number =>
  filesBelow(dir).reduce((sum, file) => sum + sizeOf(file), 0);

/** Journals and spools of all nodes below a directory: the largest of them. */
export const largestOf = (...dirs: readonly string[]): number =>
  Math.max(
    0,
    ...dirs
      .flatMap((dir) =>
        globSync("**/agent/**/{*journal*,*spool*,*outbox*}", { cwd: dir }).map((name) => join(dir, name)),
      )
      .map((file) => sizeOf(file) / MIB),
  );

export type StreamBytes = Readonly<Record<StreamName, number>>;

export const storeFigures = (bytes: StreamBytes): Sample => ({
  records: bytes.RECORDS / MIB,
  mailbox: bytes.MAILBOX / MIB,
  inbox: bytes.INBOX / MIB,
  chunks: bytes.CHUNKS / MIB,
});

export interface Verdict {
  readonly figure: Figure;
  readonly second: number;
  readonly last: number;
  readonly allowed: number;
  readonly ok: boolean;
}

export const median = (values: readonly number[]): number =>
  values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;

/** The last quarter of a run beside its second: the first is for caches to fill. A figure that was never seen is no good news. */
export function judge(samples: readonly Sample[]): Verdict[] {
  const quarter = samples.length / 4;
  const of = (name: FigureName, from: number): number =>
    median(
      samples
        .slice(Math.floor(from * quarter), Math.ceil((from + 1) * quarter))
        .flatMap((sample) => sample[name] ?? []),
    );
  return (Object.keys(FIGURES) as FigureName[]).map((name) => {
    const figure: Figure = FIGURES[name];
    const [second, last] = [of(name, 1), of(name, 3)];
    const allowed =
      "most" in figure.bound ? figure.bound.most : second * figure.bound.factor + figure.bound.more;
    return { figure, second, last, allowed, ok: last <= allowed };
  });
}

const shown = (value: number): string =>
  Number.isNaN(value) ? "not seen" : value.toFixed(value < 10 ? 2 : 0);

export function tableOf(verdicts: readonly Verdict[]): string {
  const rows = verdicts.map(({ figure, second, last, allowed, ok }) => [
    figure.name,
    figure.unit,
    shown(second),
    shown(last),
    shown(allowed),
    ok ? "ok" : "GROWS",
  ]);
  const all = [["figure", "unit", "2nd quarter", "4th quarter", "allowed", ""], ...rows];
  const widths = all[0]!.map((_, at) => Math.max(...all.map((row) => row[at]!.length)));
  return all
    .map((row) =>
      row
        .map((cell, at) => cell.padEnd(widths[at]!))
        .join("  ")
        .trimEnd(),
    )
    .join("\n");
}
