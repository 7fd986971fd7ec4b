/** Goal: a plan does not keep back what an apply would run into. */
import { expect, test } from "vitest";

import { builtInSpecs } from "../built-in.ts";
import { compileCatalog } from "../catalog/compile.ts";
import type { Declaration } from "../declaration.ts";
import { file } from "../states.gen.ts";
import { memoryHost } from "../testing/memory-host.ts";
import { noPending } from "./options.ts";
import { runCatalog } from "./run.ts";

async function resultsOf(mode: "plan" | "apply", declarations: readonly Declaration[]) {
  const { results } = await runCatalog(compileCatalog(declarations).catalog, {
    mode,
    ports: memoryHost().ports,
    states: builtInSpecs,
    secrets: new Map(),
    signal: new AbortController().signal,
    confined: false,
    permit: () => undefined,
    pending: noPending,
  });
  return results.map(({ id, result, error }) => ({ id, result, why: error?.message }));
}

const motd = file.managed("/etc/motd", { contents: "x" });

test("a file whose directory is not there fails in the plan as it would in an apply", async () => {
  expect(await resultsOf("plan", [motd])).toMatchObject([
    { result: "failed", why: expect.stringContaining("/etc is not there") },
  ]);
  expect(await resultsOf("apply", [motd])).toMatchObject([{ result: "failed" }]);
});

test("below a directory that would be made it would be made as well", async () => {
  const both = [motd, file.directory("/etc")];
  expect(await resultsOf("plan", both)).toMatchObject([
    { id: "file.directory(/etc)", result: "would-change" },
    { id: "file.managed(/etc/motd)", result: "would-change" },
  ]);
  expect(await resultsOf("apply", both)).toMatchObject([{ result: "changed" }, { result: "changed" }]);
});

test("an owner whom the machine does not know fails in the plan", async () => {
  const owned = file.managed("/motd", { contents: "x", owner: "nobody-here" });
  expect(await resultsOf("plan", [owned])).toMatchObject([
    { result: "failed", why: expect.stringContaining("nobody-here") },
  ]);
});
