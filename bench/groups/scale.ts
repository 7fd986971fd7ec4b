/** The same questions to a fleet that grows, up to 10,000 nodes: what each size costs, so that it is seen how the cost grows. */
import { ScaleFleet } from "../../test/support/scale.ts";
import type { Bench } from "../run.ts";

const SIZES = [100, 1_000, 5_000, 10_000];
const SETTLE_MS = 5_000;

export async function scale(bench: Bench): Promise<void> {
  // Less than all of it where a machine cannot hold 10,000.
  const most = Number(process.env["BOMA_SCALE"] ?? (bench.quick ? 1_000 : 10_000));
  await using fleet = await ScaleFleet.start();
  fleet.writeSite();
  for (const nodes of SIZES.filter((size) => size <= most)) {
    const before = fleet.ids.length;
    const ms = await fleet.growTo(nodes);
    bench.add({
      name: `enrolled, from ${before} to ${nodes} nodes`,
      unit: "1/min",
      runs: [(nodes - before) / (ms / 60_000)],
    });
    await fleet.allConnected();
    await asked(bench, fleet);
    await applied(bench, fleet);
    await new Promise((resolve) => setTimeout(resolve, SETTLE_MS));
    memory(bench, fleet);
    await back(bench, fleet);
  }
}

/** What whoever typed it waits for. */
async function asked(bench: Bench, fleet: ScaleFleet): Promise<void> {
  const nodes = fleet.ids.length;
  const runs = Math.min(bench.runs, 3);
  const pings: number[] = [];
  const queries: number[] = [];
  for (let run = 0; run < runs; run++) {
    pings.push(await all(bench, fleet, "ok", "test.ping"));
    const began = performance.now();
    await fleet.fleet.ok("target", "rack:r001 and ram>=4GiB", "--json");
    queries.push(performance.now() - began);
  }
  bench.add({ name: `test.ping of ${nodes}, whole command line`, unit: "ms", runs: pings });
  bench.add({ name: `a query of grains over ${nodes}, whole command line`, unit: "ms", runs: queries });
  bench.add({
    name: `test.ping of ${nodes}, a tenth at a time, whole command line`,
    unit: "ms",
    runs: [await all(bench, fleet, "ok", "test.ping", "--batch", "10%")],
  });
}

/** New nodes find all of it to do, those of the size before nothing: the first figure is of both. */
async function applied(bench: Bench, fleet: ScaleFleet): Promise<void> {
  const nodes = fleet.ids.length;
  for (const what of ["first", "again"] as const)
    bench.add({
      name: `state.apply of 20 states on ${nodes}, ${what}, whole command line`,
      unit: "ms",
      runs: [await all(bench, fleet, what === "first" ? undefined : "ok", "state.apply")],
    });
}

async function all(
  bench: Bench,
  fleet: ScaleFleet,
  expected: "ok" | undefined,
  ...words: readonly string[]
): Promise<number> {
  const { ms, run } = await fleet.run("ok", "*", ...words);
  const { ok = 0, changed = 0 } = run.summary;
  const good = expected === "ok" ? ok : ok + changed;
  if (good !== fleet.ids.length)
    bench.problem(`${words.join(" ")} on ${fleet.ids.length}: ${JSON.stringify(run.summary)}`);
  return ms;
}

function memory(bench: Bench, fleet: ScaleFleet): void {
  const { master, bus, emulators } = fleet.rss;
  const nodes = fleet.ids.length;
  const add = (name: string, mb: number): void =>
    bench.add({ name: `${name} with ${nodes} nodes, RSS`, unit: "MB", runs: [mb] });
  add("master", master);
  add("nats-server", bus);
  add("emulators", emulators);
}

/** From the death of the bus until the last node is connected again; their waits are shifted by chance. */
async function back(bench: Bench, fleet: ScaleFleet): Promise<void> {
  const killed = Date.now();
  process.kill(fleet.fleet.busPid, "SIGKILL");
  await fleet.allConnected(killed);
  const nodes = fleet.ids.length;
  bench.add({ name: `bus killed until all ${nodes} are back`, unit: "ms", runs: [Date.now() - killed] });
  await all(bench, fleet, "ok", "test.ping");
}
