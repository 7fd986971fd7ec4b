/** Real agents, one process each: how fast they are there and what they weigh. */
import { execFileSync } from "node:child_process";

import { Boma, cpuOf, memoryOf, type RealAgent } from "../boma.ts";
import type { Bench } from "../run.ts";

const IDLE_MS = 10_000;
const LONG_MS = 60_000;

export async function agents(bench: Bench): Promise<void> {
  await using boma = await Boma.start();
  // The first start of a version fills the compile cache.
  (await boma.agent("warm")).process.signal("SIGTERM");
  const [ready, pinged] = [[] as number[], [] as number[]];
  const bundled: RealAgent[] = [];
  for (let at = 1; at <= (bench.quick ? 5 : 20); at++) {
    const agent = await boma.agent(`agent-${at}`);
    bundled.push(agent);
    ready.push(agent.readyMs);
    const { ms, run } = await boma.ping(agent.id);
    if (run.nodes[agent.id]?.status !== "ok") bench.problem(`the first ping of ${agent.id} was not answered`);
    pinged.push(agent.readyMs + ms);
  }
  const sources: RealAgent[] = [];
  for (let at = 1; at <= bench.runs; at++) sources.push(await boma.agent(`source-${at}`, "source"));
  await new Promise((resolve) => setTimeout(resolve, IDLE_MS));
  bench.add({
    name: "agent start to enrolled and ready, new keys",
    unit: "ms",
    runs: ready,
  });
  bench.add({
    name: "agent start to first ping answered, the command line included",
    unit: "ms",
    runs: pinged,
    budget: "< 1,000",
  });
  weigh(bench, `idle agent of ${bundled.length}, bundled`, bundled, {
    budget: "≤ 80, aim 60",
  });
  weigh(bench, "idle agent, from source", sources, {});
}

function weigh(
  bench: Bench,
  name: string,
  measured: readonly RealAgent[],
  beside: { budget?: string },
): void {
  const memory = measured.map((agent) => memoryOf(agent.process.pid));
  bench.add({ name: `${name}, RSS`, unit: "MB", runs: memory.map(({ rssMb }) => rssMb), ...beside });
  bench.add({
    name: `${name}, PSS`,
    unit: "MB",
    runs: memory.map(({ pssMb }) => pssMb),
  });
}

/** What an agent does when there is nothing to do. */
export async function idle(bench: Bench): Promise<void> {
  await using boma = await Boma.start();
  const real: RealAgent[] = [];
  for (let at = 1; at <= bench.runs; at++) real.push(await boma.agent(`idle-${at}`));
  await new Promise((resolve) => setTimeout(resolve, IDLE_MS));
  const look = () => real.map(({ process }) => ({ cpu: cpuOf(process.pid), bytes: wireBytes(process.pid) }));
  const before = look();
  await new Promise((resolve) => setTimeout(resolve, LONG_MS));
  const after = look();
  bench.add({
    name: "idle agent, CPU",
    unit: "% of a core",
    runs: after.map(({ cpu }, at) => ((cpu - before[at]!.cpu) / (LONG_MS / 1000)) * 100),
    budget: "~0",
  });
  bench.add({
    name: "idle agent, on the wire both ways",
    unit: "bytes/min",
    runs: after.map(({ bytes }, at) => bytes - before[at]!.bytes),
    budget: "< 1,024",
  });
}

/** TCP payload of a process's connections so far, as the kernel counts it. */
function wireBytes(pid: number): number {
  const lines = execFileSync("ss", ["-tinpH"], { encoding: "utf8" }).split(/\n(?=\S)/);
  const own = lines.filter((line) => line.includes(`pid=${pid},`)).join("\n");
  return [...own.matchAll(/bytes_(?:sent|received):(\d+)/g)].reduce(
    (sum, [, count]) => sum + Number(count),
    0,
  );
}
