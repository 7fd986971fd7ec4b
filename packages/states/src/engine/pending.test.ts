/** Refreshes of what is protected: they wait, are kept, and are no change. */
import { expect, test } from "vitest";

import type { AnySpec } from "../state-spec.ts";
import { keptPending, thing, trial, trialStates } from "../testing/trial.ts";

const states = {
  ...trialStates,
  "trial.thing": { ...thing.spec, protects: async () => "in maintenance only" } as AnySpec,
};

const tree = (value: string) => {
  const config = thing("config", { value });
  return [config, thing("daemon", { watch: config })];
};

test("a refresh that is protected stays owed, is told by each run, and is no change to the second", async () => {
  const { run, at } = trial();
  const pending = keptPending();
  await run(tree("a"), { states, pending });
  const first = await run(tree("b"), { states, pending });
  expect(first.of("daemon")).toMatchObject({ result: "ok", pending: "in maintenance only" });
  const second = await run(tree("b"), { states, pending });
  expect(second.brief).toEqual({ config: "ok", daemon: "ok" });
  expect(second.of("daemon").comment).toBe("a restart is pending: in maintenance only");
  expect(await at("/daemon.refreshed")).toBeUndefined();
  expect([...pending.ids]).toEqual(["trial.thing(daemon)"]);
});

test("a run with maintenance does what is pending, once", async () => {
  const { run, at } = trial();
  const pending = keptPending();
  await run(tree("a"), { states, pending });
  await run(tree("b"), { states, pending });
  const told = await run(tree("b"), { states, pending, maintenance: true });
  expect(told.of("daemon")).toMatchObject({ result: "changed", refreshed: true });
  expect(await at("/daemon.refreshed")).toBe("r");
  expect((await run(tree("b"), { states, pending, maintenance: true })).brief["daemon"]).toBe("ok");
});

test("a plan says that a restart would be pending, and what it found is the same with or without it", async () => {
  const { run } = trial();
  const pending = keptPending();
  await run(tree("a"), { states, pending });
  const plan = await run(tree("b"), { states, pending, mode: "plan" });
  expect(plan.of("daemon")).toMatchObject({ result: "ok", pending: "in maintenance only" });
  const withIt = await run(tree("b"), { states, pending, mode: "plan", maintenance: true });
  expect(withIt.of("daemon")).toMatchObject({ result: "would-change", refreshed: true });
});

test("what listens at the end of a run waits too", async () => {
  const { run, at } = trial();
  const pending = keptPending();
  const listening = (value: string) => [
    thing("config", { value }),
    thing("daemon", { listen: "trial.thing(config)" }),
  ];
  await run(listening("a"), { states, pending });
  const told = await run(listening("b"), { states, pending });
  expect(told.of("daemon").pending).toBe("in maintenance only");
  expect(await at("/daemon.refreshed")).toBeUndefined();
  await run(listening("b"), { states, pending, maintenance: true });
  expect(await at("/daemon.refreshed")).toBe("r");
});
