/** `test.ping` of 1, 50 and 1,000 connected agents, and what the master weighs with them. */
import { Boma } from "../boma.ts";
import type { Bench } from "../run.ts";

const BUDGET: Readonly<Record<number, string>> = { 1: "≤ 300", 50: "≤ 600", 1000: "< 1,000" };
const SETTLE_MS = 2_000;

const settle = () => new Promise((resolve) => setTimeout(resolve, SETTLE_MS));

export async function ping(bench: Bench): Promise<void> {
  await using boma = await Boma.start();
  await settle();
  memory(bench, boma, 0);
  let connected = 0;
  for (const count of bench.quick ? [1, 50, 200] : [1, 50, 1000]) {
    // Not more than 500 in a process, so that no single emulator is the bottleneck.
    const enrolMs: number[] = [];
    for (let part = 1; connected < count; part++) {
      const more = Math.min(500, count - connected);
      enrolMs.push((await boma.emulate(more, `n${count}-${part}`)).ms);
      connected += more;
    }
    await settle();
    if (count >= 200)
      bench.add({
        name: `${count} emulated agents enrolled, a second`,
        unit: "1/s",
        runs: [(count - 50) / (enrolMs.reduce((sum, ms) => sum + ms, 0) / 1000)],
      });
    await pings(bench, boma, count);
    await settle();
    memory(bench, boma, count);
  }
}

async function pings(bench: Bench, boma: Boma, count: number): Promise<void> {
  const whole: number[] = [];
  const inside: number[] = [];
  // The first one fills caches of both programs, as any command of that day would have.
  for (let run = -1; run < bench.runs; run++) {
    const { ms, run: document } = await boma.ping("*");
    const ok = Object.values(document.nodes).filter(({ status }) => status === "ok").length;
    if (ok !== count) bench.problem(`ping of ${count}: only ${ok} ok in run ${run}`);
    await settle();
    if (run < 0) continue;
    whole.push(ms);
    inside.push(await boma.jobMs(document.job));
  }
  bench.add({
    name: `test.ping of ${count}, whole command line`,
    unit: "ms",
    runs: whole,
    ...(BUDGET[count] && { budget: BUDGET[count] }),
  });
  bench.add({ name: `test.ping of ${count}, job made to last return stored`, unit: "ms", runs: inside });
}

function memory(bench: Bench, boma: Boma, agents: number): void {
  const { master, nats } = boma.memory();
  bench.add({
    name: `master with ${agents} agents, RSS`,
    unit: "MB",
    runs: [master.rssMb],
    note: `PSS ${master.pssMb.toFixed(0)} MB`,
  });
  bench.add({
    name: `nats-server with ${agents} agents, RSS`,
    unit: "MB",
    runs: [nats.rssMb],
    note: `PSS ${nats.pssMb.toFixed(0)} MB`,
  });
}
