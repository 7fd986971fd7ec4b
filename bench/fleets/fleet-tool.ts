/** A tool that has many nodes do something at once, and a fleet of it that stands ready: fifty of them, on this machine. */
import type { Program, Timed } from "../timed.ts";

/** The nodes of each fleet; `n0*` are the first ten, `n00` is the first. */
export const NODES: readonly string[] = Array.from(
  { length: 50 },
  (_, index) => `n${String(index).padStart(2, "0")}`,
);
export const TARGETS: Readonly<Record<number, string>> = { 1: "n00", 10: "n0*", 50: "*" };
export const FILES = 20;

/** What each of them makes of it is the same. */
export const linesOf = (index: number): readonly [string, string] => [
  `first line of file ${index}`,
  "second line",
];

export interface FleetTool {
  readonly name: string;
  /** `undefined`: it is not installed. */
  version(): Promise<string | undefined>;
  /** All fifty are there and answer. `dir` is where it may keep what it likes. */
  start(dir: string): Promise<StandingFleet>;
}

export interface StandingFleet extends AsyncDisposable {
  /** The command line by which somebody asks whether nodes are there. */
  ping(target: string): Program;
  /** How many of them said so. */
  answered(said: Timed): number;
  /** The command line that makes twenty files on each node be as they should. */
  apply(): Program;
  fileOf(node: string, index: number): string;
  /** Stops the last node where it stands, and returns what lets it go on. */
  freeze(): () => void;
  /** Megabytes, PSS; `undefined` where it has no such part. */
  memory(): { readonly master?: number; readonly agent?: number };
}
