/**
 * Measures boma as it is installed, on this machine:
 *
 *   npm run bench                        everything, five runs each: bench/results.md and results.json
 *   npm run bench -- --only ping         one group, or several with commas between; those of the others stay as they were
 *   npm run bench -- --quick             two runs and small fleets, printed and not kept
 *   npm run bench -- --long              idle agents over a minute as well, and 1,000 files with Ansible
 *   npm run bench -- --only netboot      machines in an emulator, from power-on; as root, after `npm run pretest:netboot`
 *   npm run bench -- --only scale        a fleet that grows to 10,000 nodes; half an hour
 *   npm run bench -- --peers             installs the tools that boma is measured beside, where they are missing
 */
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

import { build } from "../installers/build.ts";
import { findNatsServer } from "../packages/master/src/bus/program.ts";
import { PROGRAMS } from "../test/support/programs.ts";
import { version } from "./boma.ts";
import { agents, idle } from "./groups/agents.ts";
import { audit } from "./groups/audit.ts";
import { compile } from "./groups/compile.ts";
import { events } from "./groups/events.ts";
import { floor } from "./groups/floor.ts";
import { localApply } from "./groups/local-apply.ts";
import { netboot } from "./groups/netboot.ts";
import { ping } from "./groups/ping.ts";
import { returns } from "./groups/returns.ts";
import { revoke } from "./groups/revoke.ts";
import { scale } from "./groups/scale.ts";
import { fleetFiles, fleets } from "./groups/side-by-side.ts";
import { type Figure, keep, load, machine, type Measured, table } from "./report.ts";

export interface Bench {
  readonly runs: number;
  readonly quick: boolean;
  readonly long: boolean;
  /** Tools that are missing may be installed. */
  readonly peers: boolean;
  add(figure: Figure): void;
  /** Something went otherwise than it should: told in the results, never hidden in an average. */
  problem(text: string): void;
}

const groups = {
  floor,
  ping,
  fleets,
  "fleet-files": fleetFiles,
  revoke,
  returns,
  events,
  agents,
  idle,
  apply: localApply,
  compile,
  audit,
  netboot,
  scale,
};

const { values: asked } = parseArgs({
  options: {
    only: { type: "string" },
    quick: { type: "boolean" },
    long: { type: "boolean" },
    peers: { type: "boolean" },
  },
});
const known = Object.keys(groups);
const only = asked.only?.split(",");
for (const name of only ?? [])
  if (!Object.hasOwn(groups, name)) throw new Error(`--only ${name}: there are ${known.join(", ")}`);

/** They take minutes: measured when they are asked for. */
const asides = new Set(asked.long ? ["netboot", "scale"] : ["netboot", "scale", "idle"]);

let figures: Figure[] = [];
let problems: string[] = [];
const bench: Bench = {
  runs: asked.quick ? 2 : 5,
  quick: asked.quick ?? false,
  long: asked.long ?? false,
  peers: asked.peers ?? false,
  add(figure) {
    figures.push(figure);
    console.error(
      `  ${figure.name}: ${figure.runs.map((run) => run.toFixed(run < 10 ? 2 : 0)).join(" ")} ${figure.unit}`,
    );
  },
  problem(text) {
    problems.push(text);
    console.error(`  ! ${text}`);
  },
};

await build();
// What the tests start, the bench starts as well.
process.env[PROGRAMS] = fileURLToPath(new URL("../dist", import.meta.url));
const flags = (["only", "long", "peers"] as const).flatMap((name) => {
  const value = asked[name];
  return value === undefined ? [] : value === true ? [`--${name}`] : [`--${name} ${value}`];
});
const about = {
  command: ["npm run bench", ...(flags.length > 0 ? ["--", ...flags] : [])].join(" "),
  boma: (await version()).version,
  nats: (await findNatsServer())?.version.join(".") ?? "?",
  machine: machine(),
};
for (const [name, measure] of Object.entries(groups)) {
  if (only ? !only.includes(name) : asides.has(name)) continue;
  const before = load();
  console.error(`${name}  (load ${before})`);
  [figures, problems] = [[], []];
  await measure(bench);
  console.log(table(figures));
  for (const problem of problems) console.log(`! ${problem}`);
  const measured: Measured = {
    date: new Date().toISOString(),
    ...about,
    load: { before, after: load() },
    problems,
    figures,
  };
  // Each at its end: a run that is broken off later has it.
  if (!asked.quick) keep({ [name]: measured }, known);
}
if (!asked.quick) console.log("written: bench/results.md, bench/results.json");
process.exit(0);
