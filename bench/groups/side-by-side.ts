/**
 * The same work for fifty nodes by boma and by others, in turns: ping, one frozen node, five command lines at once,
 * twenty files. All fleets stand on this machine while it is measured; what waits takes no time worth naming.
 */
import { mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { cpus, tmpdir } from "node:os";
import { dirname, join } from "node:path";

import { ensurePeers } from "../../scripts/ensure-peers.ts";
import { ansibleFleet } from "../fleets/ansible-fleet.ts";
import { bomaFleet } from "../fleets/boma-fleet.ts";
import { FILES, type FleetTool, linesOf, NODES, type StandingFleet, TARGETS } from "../fleets/fleet-tool.ts";
import { pyinfraFleet } from "../fleets/pyinfra-fleet.ts";
import { saltFleet } from "../fleets/salt-fleet.ts";
import { median } from "../report.ts";
import type { Bench } from "../run.ts";
import { timed } from "../timed.ts";

const TOOLS: readonly FleetTool[] = [bomaFleet, saltFleet, ansibleFleet, pyinfraFleet];
const ALL = NODES.length;
/** Runs of somebody whose first one took longer than so many milliseconds; that one counts as the first of them. */
const PATIENCE: readonly (readonly [ms: number, runs: number])[] = [
  [100_000, 1],
  [15_000, 3],
];

/** Who took longer than this is not asked for anything further. */
const GIVEN_UP_MS = 600_000;

interface Contender {
  readonly label: string;
  readonly fleet: StandingFleet;
}

/** One command line of it, or several: how long, and what came of it. */
interface Outcome {
  readonly ms: number;
  /** What is said of it beside the figure, where it is the same each time. */
  readonly note?: string;
}
type Work = (one: Contender) => Promise<Outcome>;

/** Asking nodes. */
export const fleets = (bench: Bench): Promise<void> => sideBySide(bench, asking(bench));
/** Making their files be as they should. */
export const fleetFiles = (bench: Bench): Promise<void> => sideBySide(bench, applying(bench));

async function sideBySide(bench: Bench, works: Works): Promise<void> {
  if (bench.peers) await ensurePeers();
  const dir = mkdtempSync(join(tmpdir(), "boma-bench-"));
  const contenders: Contender[] = [];
  try {
    for (const tool of TOOLS) {
      const version = await tool.version();
      if (version === undefined)
        bench.problem(`${tool.name} is not installed: no figures of it (--peers installs it)`);
      else
        contenders.push({ label: `${tool.name} ${version}`, fleet: await tool.start(join(dir, tool.name)) });
    }
    memory(bench, contenders);
    let asked: readonly Contender[] = contenders;
    for (const [name, work] of works) asked = await inTurns(bench, name, { contenders: asked, work });
  } finally {
    for (const { fleet } of contenders) await fleet[Symbol.asyncDispose]();
    rmSync(dir, { recursive: true, force: true, maxRetries: 3 });
  }
}

function memory(bench: Bench, contenders: readonly Contender[]): void {
  for (const part of ["master", "agent"] as const)
    for (const { label, fleet } of contenders) {
      const mb = fleet.memory()[part];
      const name = part === "master" ? `master of ${ALL}, with its broker` : "one idle agent";
      if (mb !== undefined) bench.add({ name: `${name}, PSS: ${label}`, unit: "MB", runs: [mb] });
    }
}

type Works = readonly (readonly [string, Work])[];

const asking = (bench: Bench): Works => [
  ...Object.entries(TARGETS).map(([count, target]): readonly [string, Work] => [
    `ping of ${count}`,
    async ({ fleet, label }) => {
      const said = await timed(fleet.ping(target));
      const there = fleet.answered(said);
      if (there !== Number(count))
        bench.problem(`ping of ${count}: ${label} names ${there}, exit ${said.code}`);
      return said;
    },
  ]),
  [
    `ping of ${ALL}, one of them frozen`,
    async ({ fleet }) => {
      const goOn = fleet.freeze();
      try {
        const said = await timed(fleet.ping("*"));
        return { ms: said.ms, note: `${fleet.answered(said)} answered, exit ${said.code}` };
      } finally {
        goOn();
        await timed(fleet.ping("*"));
      }
    },
  ],
  [
    `five pings of ${ALL} at once, until all ended`,
    async ({ fleet }) => {
      const began = performance.now();
      const all = await Promise.all(Array.from({ length: 5 }, () => timed(fleet.ping("*"))));
      const ms = performance.now() - began;
      return {
        ms,
        note: `${all.reduce((sum, said) => sum + fleet.answered(said), 0)} of ${5 * ALL} answers`,
      };
    },
  ],
];

const applying = (bench: Bench): Works => [
  [
    `${FILES} files on ${ALL}, first`,
    async (one) => {
      for (const node of NODES)
        for (let index = 0; index < FILES; index++) rmSync(one.fleet.fileOf(node, index), { force: true });
      return apply(bench, one);
    },
  ],
  [
    `${FILES} files on ${ALL}, no-op`,
    async (one) => {
      const stamp = () => NODES.map((node) => statSync(one.fleet.fileOf(node, FILES - 1)).mtimeMs).join(" ");
      const before = stamp();
      const outcome = await apply(bench, one);
      if (stamp() !== before) bench.problem(`${one.label} wrote files anew that were as they should be`);
      return outcome;
    },
  ],
];

async function apply(bench: Bench, { fleet, label }: Contender): Promise<Outcome> {
  const said = await timed(fleet.apply());
  const wanted = `${linesOf(FILES - 1).join("\n")}\n`;
  const wrong = NODES.filter((node) => textOf(fleet.fileOf(node, FILES - 1)) !== wanted);
  if (wrong.length > 0)
    bench.problem(
      `${label}: the last file of ${wrong.length} nodes is not as it should be (${dirname(fleet.fileOf(wrong[0]!, 0))}), exit ${said.code}: ${(said.stderr || said.stdout).slice(-300)}`,
    );
  return said;
}

function textOf(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return undefined;
  }
}

interface Race {
  readonly contenders: readonly Contender[];
  readonly work: Work;
}

const SLOW_MS = Math.min(...PATIENCE.map(([ms]) => ms));
/** Of a second of all processors, what the fleets that wait may use. */
const IDLE_SHARE = 0.9;
const LOOK_MS = 500;

/** Resolves when the work of the one before is over: its nodes go on for a while after its command line has ended. */
async function idle(): Promise<void> {
  for (;;) {
    const before = processorTimes();
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
    const after = processorTimes();
    if (after.idle - before.idle >= IDLE_SHARE * (after.all - before.all)) return;
  }
}

function processorTimes(): { readonly idle: number; readonly all: number } {
  const times = cpus().map((one) => one.times);
  const sum = (numbers: readonly number[]) => numbers.reduce((total, one) => total + one, 0);
  return { idle: sum(times.map((one) => one.idle)), all: sum(times.flatMap((one) => Object.values(one))) };
}

/** Round by round each of them once, so that whatever the machine has to do besides meets all of them. Says who may go on. */
async function inTurns(
  bench: Bench,
  name: string,
  { contenders, work }: Race,
): Promise<readonly Contender[]> {
  const ms = new Map(contenders.map((one) => [one, [] as number[]]));
  const notes = new Map(contenders.map((one) => [one, new Set<string>()]));
  // The first round fills the caches of each; it is counted only of those whom one does not ask again.
  for (let round = -1; round < bench.runs; round++)
    for (const one of contenders) {
      const mine = ms.get(one)!;
      const wanted = PATIENCE.find(([most]) => (mine[0] ?? 0) > most)?.[1] ?? bench.runs;
      if (mine.length >= wanted) continue;
      await idle();
      const outcome = await work(one);
      if (round === -1 && outcome.ms <= SLOW_MS) continue;
      mine.push(outcome.ms);
      if (outcome.note !== undefined) notes.get(one)!.add(outcome.note);
    }
  const own = median(ms.get(contenders[0]!)!);
  for (const one of contenders) {
    const runs = ms.get(one)!;
    const ratio = one === contenders[0] ? [] : [`${(median(runs) / own).toFixed(1)} × boma`];
    const note = [...ratio, ...notes.get(one)!].join("; ");
    bench.add({ name: `${name}: ${one.label}`, unit: "ms", runs, ...(note && { note }) });
  }
  const tooSlow = contenders.filter((one) => median(ms.get(one)!) > GIVEN_UP_MS);
  for (const { label } of tooSlow)
    bench.problem(`${label} took so long for "${name}" that it was asked for nothing after it`);
  return contenders.filter((one) => !tooSlow.includes(one));
}
