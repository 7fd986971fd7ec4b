/** The order of stages, and what a failure holds back. */
import type { Stage, StageInfo } from "@boma/states/core";
import { expect, test } from "vitest";

import { fleetStages, reversed } from "./fleet-stages.ts";
import { type Act, goThrough } from "./go-through.ts";

const info = (stage: Stage, awaits: readonly Stage[] = []): StageInfo => ({
  stage,
  awaits: [...awaits],
  declarations: [],
  held: false,
});
const fleet = (nodes: Record<string, readonly StageInfo[]>) => fleetStages(new Map(Object.entries(nodes)));

const three = {
  a: [info("time"), info("consul", ["time"]), info("vault", ["consul"])],
  b: [info("time"), info("consul", ["time"]), info("nomad", ["docker", "vault"])],
};

test("each stage has the nodes that have it, and comes after all that it stands on anywhere", () => {
  expect(fleet(three)).toEqual([
    { stage: "time", awaits: [], nodes: ["a", "b"] },
    { stage: "consul", awaits: ["time"], nodes: ["a", "b"] },
    { stage: "vault", awaits: ["consul"], nodes: ["a"] },
    { stage: "nomad", awaits: ["vault"], nodes: ["b"] },
  ]);
});

test("what is not there is stood on by way of what it stands on itself", () => {
  const [, docker] = fleet({ a: [info("network"), info("docker", ["firewall"])] });
  expect(docker).toMatchObject({ stage: "docker", awaits: ["network"] });
});

test("a stage that needs a later one comes after it", () => {
  const order = fleet({ a: [info("consul", ["vault"]), info("vault", [])] });
  expect(order.map(({ stage }) => stage)).toEqual(["vault", "consul"]);
});

test("stages that wait for each other are an error that shows the circle", () => {
  expect(() => fleet({ a: [info("consul", ["vault"])], b: [info("vault", ["consul"])] })).toThrow(
    "stages wait for each other: consul → vault → consul",
  );
});

test("on the way down a stage goes after all that stands on it", () => {
  expect(reversed(fleet(three)).map(({ stage, awaits }) => [stage, awaits])).toEqual([
    ["nomad", []],
    ["vault", ["nomad"]],
    ["consul", ["vault"]],
    ["time", ["consul"]],
  ]);
});

test("what stands on a failure is held back, what does not goes on, and all of it is told", async () => {
  const stages = fleet({
    a: [info("time"), info("consul", ["time"]), info("vault", ["consul"]), info("storage", ["time"])],
  });
  const begun: Stage[] = [];
  const act: Act = async ({ stage }) => {
    begun.push(stage);
    return { job: stage, nodes: { a: { status: stage === "consul" ? "failed" : "changed" } } };
  };
  const told: string[] = [];
  const ends = await goThrough(stages, act, ({ stage, state }) => told.push(`${stage} ${state}`));
  expect(begun).not.toContain("vault");
  expect(Object.fromEntries(ends.map(({ stage, state }) => [stage, state]))).toEqual({
    time: "done",
    consul: "failed",
    storage: "done",
    vault: "held",
  });
  expect(ends.find(({ stage }) => stage === "vault")!.heldBy).toEqual(["consul"]);
  expect(told).toHaveLength(4);
});

test("stages that do not stand on each other run at the same time", async () => {
  const stages = fleet({ a: [info("consul"), info("storage")] });
  const both = Promise.withResolvers<void>();
  let running = 0;
  const act: Act = async () => {
    if (++running === 2) both.resolve();
    await both.promise;
    return { job: undefined, nodes: { a: { status: "ok" } } };
  };
  expect(await goThrough(stages, act, () => undefined)).toHaveLength(2);
});
