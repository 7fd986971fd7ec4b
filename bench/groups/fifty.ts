/** Fifty nodes: one of them frozen, five command lines at once, revocation. */
import { Boma } from "../boma.ts";
import type { Bench } from "../run.ts";

export async function fifty(bench: Bench): Promise<void> {
  await using boma = await Boma.start();
  await boma.emulate(49, "many");
  const real = await boma.agent("frozen");
  await boma.ping("*");
  await frozen(bench, boma, real.process);
  await boma.ping("*");
  await fiveAtOnce(bench, boma);
  const cut: number[] = [];
  for (let run = 1; run <= bench.runs; run++) {
    const { connected, ms } = JSON.parse(await boma.ok("revoke", `many-000${run}`, "--json")) as {
      connected: boolean;
      ms: number;
    };
    if (!connected) bench.problem(`many-000${run} was not connected when it was revoked`);
    cut.push(ms);
  }
  bench.add({
    name: "revoke to disconnected, as the command prints it",
    unit: "ms",
    runs: cut,
    budget: "< 1,000",
  });
}

async function frozen(
  bench: Bench,
  boma: Boma,
  agent: { signal(name: NodeJS.Signals): void },
): Promise<void> {
  const ms: number[] = [];
  const codes = new Set<number | null>();
  for (let run = 0; run < bench.runs; run++) {
    agent.signal("SIGSTOP");
    const typed = await boma.ping("*");
    agent.signal("SIGCONT");
    ms.push(typed.ms);
    codes.add(typed.code);
    const { frozen: node, ...others } = typed.run.nodes;
    const ok = Object.values(others).filter(({ status }) => status === "ok").length;
    if (node?.status !== "timeout" || ok !== 49)
      bench.problem(`1 of 50 frozen, run ${run}: the frozen one is ${node?.status}, ${ok} of 49 are ok`);
    // What the frozen agent makes up for is over before the next run.
    await new Promise((resolve) => setTimeout(resolve, 1500));
  }
  bench.add({
    name: "test.ping of 50, one of them frozen",
    unit: "ms",
    runs: ms,
    salt: "19.0 s, exit 0, not named",
    note: `exit ${[...codes].join(", ")}, the frozen node named as timeout`,
  });
}

async function fiveAtOnce(bench: Bench, boma: Boma): Promise<void> {
  const ms: number[] = [];
  const results: number[] = [];
  for (let run = 0; run < bench.runs; run++) {
    const began = performance.now();
    const all = await Promise.all(Array.from({ length: 5 }, () => boma.ping("*")));
    ms.push(performance.now() - began);
    results.push(
      all.flatMap((typed) => Object.values(typed.run.nodes)).filter(({ status }) => status === "ok").length,
    );
    await new Promise((resolve) => setTimeout(resolve, 1500));
  }
  if (results.some((count) => count !== 250))
    bench.problem(`five at once: ${results.join(", ")} of 250 results`);
  bench.add({
    name: "five test.ping of 50 at once, until all ended",
    unit: "ms",
    runs: ms,
    salt: "47-51 s, loses nodes",
    note: `${Math.min(...results)} of 250 results`,
  });
}
