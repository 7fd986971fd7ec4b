/** Stopping a stage: nothing that was decided before may start it again. */
import { join } from "node:path";

import { service } from "@boma/states";
import { memoryHost } from "@boma/states/testing";
import { expect, test } from "vitest";

import { driftNode } from "../drift/testing.ts";
import { NodeStages } from "./node-stages.ts";
import { StageHolds } from "./stage-holds.ts";

const never = new AbortController().signal;

async function stagedNode() {
  const node = await driftNode();
  const { cache, states, ...started } = await node.start();
  const { ports, log } = memoryHost({ services: { web: { active: true, enabled: true } } });
  const machine = { confined: false, root: "/", ports: () => ports };
  const holdsOf = (bootId: string) => new StageHolds(node.path("stages.json"), { bootId, durable: false });
  // The machine of this node keeps files only: what is applied there fails, and its catalog is kept all the same.
  await node.apply({ cache, states, ...started }, [service.running("web", { stage: "apps" })]);
  const stages = new NodeStages({ cache, states, machine, holds: holdsOf("boot-1") });
  return { node, cache, stages, log, holdsOf };
}

test("a stop ends the units of its stage, and holds it until the machine boots", async () => {
  const { node, stages, log, holdsOf } = await stagedNode();
  await using _ = node;
  expect(await stages.list()).toMatchObject([{ stage: "apps", held: false }]);
  const { units } = await stages.stop("apps", never);
  expect(units).toMatchObject([{ unit: "web.service", was: "active" }]);
  expect(log).toContain("services.stop web.service");
  expect(await stages.list()).toMatchObject([{ stage: "apps", held: true }]);
  expect(await holdsOf("boot-2").held()).toEqual(new Set());
  expect((await stages.stop("apps", never)).units).toEqual([]);
});

test("whoever looked before a stop has to look again", async () => {
  const { node, cache, stages } = await stagedNode();
  await using _ = node;
  const before = (await cache.load())!;
  await stages.stop("apps", never);
  expect(() => cache.assertCurrent(before)).toThrow("a stage stopped");
});

test("a note of what is held that cannot be read holds nothing", async () => {
  const { node, stages, holdsOf } = await stagedNode();
  await using _ = node;
  await stages.stop("apps", never);
  await node.write(join("..", "agent", "stages.json"), "{");
  expect(await holdsOf("boot-1").held()).toEqual(new Set());
});
