/** A fleet as it lives: jobs, events, schedules, nodes that come, go and are revoked, and a master that is away for a while. */
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";

import { Fleet } from "../support/fleet.ts";
import { pause } from "../support/pause.ts";
import { clientOf, tellOfNode } from "../support/traffic.ts";

const STABLE = 30;
const CHURNING = 8;
export const REAL = ["r-1", "r-2", "r-3"] as const;

export interface Life {
  readonly fleet: Fleet;
  /** Jobs that the master said it has, and what was said for a node and acknowledged by the bus. */
  readonly jobs: Set<string>;
  readonly said: Set<string>;
  readonly counts: { restarts: number; enrolled: number; revoked: number; applied: number };
  readonly stop: AbortController;
}

export async function begin(): Promise<Life> {
  const fleet = await Fleet.prepare();
  writeSite(fleet.home);
  await fleet.serve();
  const silent = await fleet.emulate(1, "t");
  silent.signal("SIGKILL");
  await silent.ended;
  await fleet.emulate(STABLE, "n");
  await fleet.emulate(CHURNING, "c");
  for (const id of [...REAL, "r-4"]) await fleet.agent(id, { env: "real" });
  await fleet.ok("run", "env:real", "state.apply");
  const counts = { restarts: 0, enrolled: 0, revoked: 0, applied: 0 };
  return { fleet, jobs: new Set(), said: new Set(), counts, stop: new AbortController() };
}

function writeSite(home: string): void {
  const write = (name: string, text: string): void => {
    const path = join(home, "site", name);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text);
  };
  rmSync(join(home, "site"), { recursive: true, force: true });
  write("top.ts", 'import { top } from "@boma/states";\nexport default top({ "env:real": ["base"] });\n');
  write(
    "states/base.ts",
    `import { file, schedule, tree } from "@boma/states";
export default tree(({ node }) => [
  file.managed("/motd", { contents: \`\${node.id}\\n\` }),
  schedule.job("often", { function: "test.ping", args: {}, every: "10s" }),
]);
`,
  );
}

/** Everything that goes on by itself; resolves after `stop`. */
export const live = ({ fleet, jobs, said, counts, stop: { signal } }: Life): Promise<unknown> =>
  Promise.all([
    askNowAndThen(fleet, jobs, signal),
    tellOfNode(fleet, "t", said, signal),
    churn(fleet, counts, signal),
    applyAgain(fleet, counts, signal),
  ]);

/** On all nodes by turns with those that stay: what is away ends as such, and is counted like the rest. */
async function askNowAndThen(fleet: Fleet, jobs: Set<string>, signal: AbortSignal): Promise<void> {
  const options = { test: false, allowEmpty: true, watch: false, timeoutMs: 10_000 };
  while (!signal.aborted)
    try {
      await using client = await clientOf(fleet);
      while (!signal.aborted) {
        const target = jobs.size % 2 === 0 ? "*" : "n-*";
        const asked = { ...options, target, function: "test.echo", args: { text: "x".repeat(200) } };
        const [item] = await client.ask<{ record: { job: string } }[]>("job.start", asked, 10_000);
        jobs.add(item!.record.job);
        await pause(400);
      }
    } catch {
      await pause(500); // Nothing was acknowledged, or the master is away.
    }
}

const CHURN_MS = 5_000;

/** Each turn does one of it; while the master is away it waits like anybody else. */
async function churn(fleet: Fleet, counts: Life["counts"], signal: AbortSignal): Promise<void> {
  for (let turn = 0; !signal.aborted; turn++)
    try {
      await pause(CHURN_MS);
      if (turn % 3 === 0) await restartChurning(fleet, turn % 2 === 0 ? "SIGKILL" : "SIGTERM");
      else if (turn % 3 === 1) await restartReal(fleet);
      else await comeAndGo(fleet, `x-${turn}`, counts);
      if (turn % 3 !== 2) counts.restarts++;
    } catch (error) {
      // Without a master there are no tokens, and nobody is let in.
      if (!isAway) console.error(`churn: ${String(error).slice(0, 300)}`);
    }
}

async function restartChurning(fleet: Fleet, how: NodeJS.Signals): Promise<void> {
  const agents = fleet.agents.get("c")!;
  agents.signal(how);
  await agents.ended;
  await fleet.emulate(CHURNING, "c");
}

async function restartReal(fleet: Fleet): Promise<void> {
  await fleet.agents.get("r-4")!.stop();
  await fleet.restart("r-4");
}

async function comeAndGo(fleet: Fleet, id: string, counts: Life["counts"]): Promise<void> {
  const agent = await fleet.agent(id, { env: "dev" });
  counts.enrolled++;
  await fleet.run("run", id, "test.ping");
  await fleet.ok("revoke", id, "--forget");
  counts.revoked++;
  await agent.stop("SIGKILL");
  rmSync(join(fleet.dir, id), { recursive: true, force: true });
}

async function applyAgain(fleet: Fleet, counts: Life["counts"], signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    await pause(7_000);
    const { code } = await fleet.run("run", REAL.join(" or "), "state.apply");
    if (code === 0) counts.applied++;
  }
}

let isAway = false;

/** The master and its bus are away for so long, as after a reboot of their machine. */
export async function masterAway(fleet: Fleet, ms: number): Promise<void> {
  isAway = true;
  await fleet.master.stop();
  await pause(ms);
  await fleet.serve();
  isAway = false;
}
