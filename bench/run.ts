/**
 * Measures boma as it is installed, on this machine:
 *
 *   npm run bench                        everything, five runs each: bench/results.md and results.json
 *   npm run bench -- --only ping         one group: floor, ping, fifty, returns, events, agents, idle, apply, compile, states, audit
 *   npm run bench -- --quick             two runs and small fleets, printed and not kept
 *   npm run bench -- --long              idle agents over a minute as well, and 1,000 files with Ansible
 *   npm run bench -- --only netboot      machines in an emulator, from power-on; as root, after `npm run pretest:netboot`
 *   npm run bench -- --only scale        a fleet that grows to 10,000 nodes: results-scale.md; half an hour
 *   npm run bench -- --peers             installs the tools that boma is measured beside, where they are missing
 */
import { writeFileSync } from "node:fs";
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
import { fifty } from "./groups/fifty.ts";
import { floor } from "./groups/floor.ts";
import { localApply } from "./groups/local-apply.ts";
import { netboot } from "./groups/netboot.ts";
import { ping } from "./groups/ping.ts";
import { returns } from "./groups/returns.ts";
import { scale } from "./groups/scale.ts";
import { statesOnFifty } from "./groups/states-on-fifty.ts";
import { type Figure, load, machine, markdown, table } from "./report.ts";

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
  fifty,
  returns,
  events,
  agents,
  idle,
  apply: localApply,
  compile,
  states: statesOnFifty,
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
if (asked.only !== undefined && !Object.hasOwn(groups, asked.only))
  throw new Error(`--only ${asked.only}: there are ${Object.keys(groups).join(", ")}`);

/** They take minutes: measured when they are asked for. */
const asides = new Set(asked.long ? ["netboot", "scale"] : ["netboot", "scale", "idle"]);

const figures: Figure[] = [];
const problems: string[] = [];
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
const loadBefore = load();
for (const [name, measure] of Object.entries(groups)) {
  if (asked.only === undefined ? asides.has(name) : name !== asked.only) continue;
  console.error(`${name}  (load ${load()})`);
  await measure(bench);
}
console.log(table(figures));
for (const problem of problems) console.log(`! ${problem}`);

/** Figures of a run that is complete in itself are kept. */
const results = new Map([
  [undefined, "results"],
  ["scale", "results-scale"],
]).get(asked.only);
if (!asked.quick && results !== undefined) {
  const flags = (["long", "peers"] as const).filter((name) => asked[name]).map((name) => `--${name}`);
  const context = {
    date: new Date().toISOString(),
    command: [
      "npm run bench",
      ...(asked.only === undefined ? [] : [`-- --only ${asked.only}`]),
      ...(flags.length > 0 ? ["--", ...flags] : []),
    ].join(" "),
    boma: (await version()).version,
    nats: (await findNatsServer())?.version.join(".") ?? "?",
    loadBefore,
    problems,
  };
  const file = (name: string) => new URL(name, import.meta.url);
  writeFileSync(file(`${results}.md`), markdown(figures, context));
  writeFileSync(
    file(`${results}.json`),
    `${JSON.stringify({ ...context, machine: machine(), figures }, undefined, 2)}\n`,
  );
  console.log(`written: bench/${results}.md, bench/${results}.json`);
}
process.exit(0);
