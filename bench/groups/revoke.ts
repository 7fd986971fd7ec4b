/** From the word of an operator until the bus has cut the node off. */
import { Boma } from "../boma.ts";
import type { Bench } from "../run.ts";

export async function revoke(bench: Bench): Promise<void> {
  await using boma = await Boma.start();
  await boma.emulate(50, "many");
  await boma.ping("*");
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
