/**
 * `npm run fuzz -- --minutes 5 [--seed N]`: all targets in turn until the time is
 * over. It ends at the first input that breaks its target, and prints that input
 * as hex, to be put into the target's corpus. The slowest input of all is shown
 * too: it is where to look for work that grows faster than its input.
 */
import { parseArgs } from "node:util";

import { nextInput, randomFrom } from "./random.ts";
import { runInput, targets } from "./targets.ts";

const { values } = parseArgs({
  options: { minutes: { type: "string", default: "1" }, seed: { type: "string" } },
});
const minutes = Number(values.minutes);
const seed = Number(values.seed ?? Math.floor(Math.random() * 2 ** 31));
if (!(minutes > 0) || !Number.isSafeInteger(seed)) {
  console.error("usage: npm run fuzz -- --minutes 5 [--seed N]");
  process.exit(2);
}
console.log(`seed ${seed}, ${minutes} min, ${targets.length} targets`);

const random = randomFrom(seed);
const end = Date.now() + minutes * 60_000;
const slowest = { ms: 0, name: "", input: new Uint8Array(0) };
let runs = 0;
while (Date.now() < end)
  for (const target of targets) {
    const input = nextInput(target.corpus, random);
    const begun = performance.now();
    try {
      runInput(target, input, random);
    } catch (thrown) {
      console.error(`${target.name} broke after ${runs} inputs, seed ${seed}, on`);
      console.error(Buffer.from(input).toString("hex"));
      console.error(thrown);
      process.exit(1);
    }
    const ms = performance.now() - begun;
    if (ms > slowest.ms) Object.assign(slowest, { ms, name: target.name, input });
    runs++;
  }
console.log(`${runs} inputs, none broke anything`);
console.log(`slowest: ${slowest.ms.toFixed(1)} ms for ${slowest.input.length} bytes in ${slowest.name}`);
console.log(Buffer.from(slowest.input.subarray(0, 2000)).toString("hex"));
