/** What the master does for a node before anything is sent: its catalog, compiled and sealed to it. */
import { newSealingKey, pack, sealTo } from "@boma/protocol";

import { type Compiled, type NodeInput, SiteCompiler } from "../../packages/master/src/site/site-compiler.ts";
import { TestSite, TOP, treeOf } from "../../test/support/site.ts";
import type { Bench } from "../run.ts";

const DECLARATIONS = 100;

const nodes = (count: number): NodeInput[] =>
  Array.from({ length: count }, (_, index) => ({
    key: `KEY-${index}`,
    id: `node-${index}`,
    grains: { os: "debian" },
    assigned: { env: "dev" },
  }));

const TREE = treeOf(
  `return Array.from({ length: ${DECLARATIONS} }, (_, index) =>`,
  "  file.managed(`/etc/bench/file-${index}`, {",
  '    contents: `line of file ${index}\\nof ${node.id} in ${assigned.env}\\n`, mode: "0644" }));',
);

export async function compile(bench: Bench): Promise<void> {
  using site = new TestSite({ "top.ts": TOP, "states/a.ts": TREE });
  const compiler = new SiteCompiler({ site: site.dir });
  try {
    // The process is warm after this: what is measured is what each further job costs.
    await measured(compiler, bench.quick ? 20 : 200);
    const [one, many] = [[] as Cost[], [] as Cost[]];
    for (let run = 0; run < bench.runs * 4; run++) one.push(await measured(compiler, 1));
    for (let run = 0; run < bench.runs; run++) many.push(await measured(compiler, bench.quick ? 100 : 1000));
    tell(bench, "of one node", one);
    tell(bench, `a node, of ${bench.quick ? 100 : "1,000"} at once`, many);
  } finally {
    await compiler.close();
  }
}

interface Cost {
  readonly compileMs: number;
  readonly sealMs: number;
}

/** For each node. */
async function measured(compiler: SiteCompiler, count: number): Promise<Cost> {
  const all = nodes(count);
  const keys = all.map(() => newSealingKey().publicKey);
  const began = performance.now();
  const results = await compiler.compile(all);
  const compiled = performance.now();
  all.forEach(({ key }, index) => {
    const { catalog } = results.get(key) as Compiled;
    if (catalog.entries.length !== DECLARATIONS)
      throw new Error(`${key} has ${catalog.entries.length} entries`);
    sealTo(keys[index]!, pack({ catalog, secrets: {} }));
  });
  const sealed = performance.now();
  return { compileMs: (compiled - began) / count, sealMs: (sealed - compiled) / count };
}

function tell(bench: Bench, whose: string, costs: readonly Cost[]): void {
  const name = `catalog of ${DECLARATIONS} declarations ${whose}`;
  const add = (what: string, budget: string | undefined, ms: (cost: Cost) => number) =>
    bench.add({
      name: `${name}: ${what}`,
      unit: "ms",
      runs: costs.map(ms),
      ...(budget !== undefined && { budget }),
    });
  add("compiled and sealed", "≤ 5", ({ compileMs, sealMs }) => compileMs + sealMs);
  add("sealed alone", undefined, ({ sealMs }) => sealMs);
}
