/**
 * Goal: what is built here for the other architecture runs there.
 * Method: the files of the packages, run by an emulator of that architecture with the libraries that the packages ask for.
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { afterAll, beforeAll, expect, test } from "vitest";

import { writeAgent } from "../../installers/agent-program.ts";
import { ARCHITECTURES, LockFile } from "../../installers/lock-file.ts";
import { writeMaster } from "../../installers/master-tree.ts";
import { writeRuntime } from "../../installers/runtime.ts";
import { emulated, THERE } from "../support/emulated.ts";
import { mustRun } from "../support/hosts/program.ts";

const dir = mkdtempSync(join(tmpdir(), "boma-other-"));
const lock = new LockFile();
const build = { arch: THERE, version: "7.8.9", lock } as const;
let there: readonly string[];
beforeAll(async () => {
  there = await emulated();
});
afterAll(() => rmSync(dir, { recursive: true, force: true }));

const run = (...argv: readonly string[]): Promise<string> =>
  mustRun([...there, ...argv], { env: { BOMA_HOME: join(dir, "home") }, timeoutMs: 200_000 });

test("the agent is one file that says its version, and applies a tree", async () => {
  const agent = join(dir, "boma-agent");
  await writeAgent(build, agent);
  expect((await run(agent, "--version")).trim()).toBe("7.8.9");
  const root = join(dir, "root");
  mkdirSync(root);
  writeFileSync(join(dir, "tree.yaml"), "- file.managed: /one\n  contents: word\n");
  const words = ["apply", join(dir, "tree.yaml"), "--root", root, "--json"];
  expect(JSON.parse(await run(agent, ...words))).toMatchObject({ ok: true });
});

test("the master starts, and checks and bundles a site with the parts that are native", async () => {
  const tree = join(dir, "master");
  await writeMaster(build, tree);
  const node = join(dir, "node");
  await writeRuntime(lock, THERE, node);
  const master = join(tree, "packages/master/src/main.mjs");
  expect((await run(node, master, "--version")).trim()).toBe("7.8.9");
  const machine = await run(node, "-p", "process.arch");
  expect(machine.trim()).toBe(ARCHITECTURES[THERE]);
  const script = `
    const { rolldown } = await import(${JSON.stringify(join(tree, "node_modules/rolldown/dist/index.mjs"))});
    const bundled = await rolldown({ input: ${JSON.stringify(join(tree, "packages/protocol/src/index.ts"))} });
    const { output } = await bundled.generate();
    console.log(output.length > 0);
    process.exit(0);
  `;
  expect((await run(node, "--input-type=module", "--eval", script)).trim()).toBe("true");
  const checker = `typescript-linux-${ARCHITECTURES[THERE]}/lib/tsc`;
  expect(await run(join(tree, "node_modules/@typescript", checker), "--version")).toMatch(/^Version \d/);
});
