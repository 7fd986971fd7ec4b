/** `state.apply` of twenty files on fifty agents, each a process of its own, as whoever typed it waits for it. */
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { Boma, type RunDocument } from "../boma.ts";
import type { Bench } from "../run.ts";

const FILES = 20;
const TREE = `import { file, tree } from "@boma/states";
export default tree(({ node }) =>
  Array.from({ length: ${FILES} }, (_, index) =>
    file.managed(\`/file-\${index}\`, { contents: \`first line of \${node.id}\\nsecond line \${index}\\n\`, mode: "0644" }),
  ),
);
`;
const TOP = `import { top } from "@boma/states";
import files from "./states/files.ts";
export default top({ "*": [files] });
`;

export async function statesOnFifty(bench: Bench): Promise<void> {
  // The compiler of sites is a program of its own beside the master, which the bundle does not have.
  await using boma = await Boma.start("source");
  const count = bench.quick ? 5 : 50;
  const site = join(boma.home, "site");
  rmSync(site, { recursive: true, force: true });
  mkdirSync(join(site, "states"), { recursive: true });
  writeFileSync(join(site, "top.ts"), TOP);
  writeFileSync(join(site, "states/files.ts"), TREE);
  const ids = Array.from({ length: count }, (_, index) => `node-${index + 1}`);
  for (const id of ids) await boma.agent(id);
  const ms: Record<Expected, number[]> = { changed: [], ok: [] };
  await apply(bench, boma, ids, "changed");
  for (let run = 0; run < bench.runs; run++) {
    for (const id of ids)
      for (let index = 0; index < FILES; index++) rmSync(fileOf(boma, id, index), { force: true });
    ms.changed.push(await apply(bench, boma, ids, "changed"));
    ms.ok.push(await apply(bench, boma, ids, "ok"));
  }
  const note = `${count} processes of boma-agent, confined below a root each; the master (from source) and nats-server beside them`;
  bench.add({
    name: `state.apply of ${FILES} files on ${count} agents, first, whole command line`,
    unit: "ms",
    runs: ms.changed,
    budget: "≤ 3,000",
    salt: "27 s",
    note,
  });
  bench.add({
    name: `state.apply of ${FILES} files on ${count} agents, no-op, whole command line`,
    unit: "ms",
    runs: ms.ok,
    salt: "14.5–21 s",
  });
}

type Expected = "changed" | "ok";

const fileOf = (boma: Boma, id: string, index: number): string =>
  join(boma.dir, "roots", id, `file-${index}`);

async function apply(bench: Bench, boma: Boma, ids: readonly string[], expected: Expected): Promise<number> {
  const typed = await boma.type("run", "*", "state.apply", "--json");
  if (!typed.stdout.includes('"nodes"'))
    throw new Error(`state.apply ended with ${typed.code}: ${typed.stdout}${typed.stderr}`);
  const { nodes } = JSON.parse(typed.stdout) as RunDocument;
  const others = ids.filter((id) => nodes[id]?.status !== expected);
  if (others.length > 0)
    bench.problem(
      `state.apply: ${others.length} of ${ids.length} nodes were not ${expected}: ${others
        .slice(0, 5)
        .map((id) => `${id} ${nodes[id]?.status}`)
        .join(", ")}`,
    );
  for (const id of ids)
    if (!readFileSync(fileOf(boma, id, FILES - 1), "utf8").startsWith(`first line of ${id}\n`))
      bench.problem(`state.apply: ${id} has another file than it should`);
  return typed.ms;
}
