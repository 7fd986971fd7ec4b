/** Refreshes of what is protected: they wait, are kept, and are no change. */
import { expect, test } from "vitest";

import type { ReadHost } from "../host/host.ts";
import type { AnySpec } from "../state-spec.ts";
import { keptPending, thing, type Trial, trial, trialStates } from "../testing/trial.ts";

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

/** The same with starts that are told apart: whoever starts one writes another name into `/NAME.start`. */
const started = {
  ...trialStates,
  "trial.thing": {
    ...thing.spec,
    protects: async () => "in maintenance only",
    instance: async ({ name }: { name: string }, { files }: ReadHost) =>
      (await files.stat(`/${name}.start`)) ? files.readText(`/${name}.start`) : undefined,
  } as AnySpec,
};
const start = (machine: Trial["machine"], name: string): Promise<void> =>
  machine.ports.files.write.write("/daemon.start", name);

test("what was started anew by somebody else after the change is owed no more, and not started once more", async () => {
  const { run, at, machine } = trial();
  const pending = keptPending();
  await start(machine, "first");
  await run(tree("a"), { states: started, pending });
  await run(tree("b"), { states: started, pending });
  expect((await run(tree("b"), { states: started, pending })).of("daemon").pending).toBeDefined();
  await start(machine, "second");
  const plan = await run(tree("b"), { states: started, pending, mode: "plan" });
  expect(plan.of("daemon").pending).toBeUndefined();
  expect([...pending.ids]).toEqual(["trial.thing(daemon)"]);
  const told = await run(tree("b"), { states: started, pending, maintenance: true });
  expect(told.of("daemon")).toMatchObject({ result: "ok", comment: "is as it should be" });
  expect([...pending.ids]).toEqual([]);
  expect(await at("/daemon.refreshed")).toBeUndefined();
});

test("a change after such a start is owed again, and so is one that comes with it", async () => {
  const { run, machine } = trial();
  const pending = keptPending();
  await start(machine, "first");
  await run(tree("a"), { states: started, pending });
  await run(tree("b"), { states: started, pending });
  await start(machine, "second");
  expect((await run(tree("c"), { states: started, pending })).of("daemon").pending).toBeDefined();
  // The start that has seen the first change has not seen the second one.
  expect((await run(tree("c"), { states: started, pending })).of("daemon").pending).toBeDefined();
  await run(tree("d"), { states: started, pending });
  expect([...(await pending.instances())]).toEqual([["trial.thing(daemon)", "second"]]);
  await start(machine, "third");
  expect((await run(tree("d"), { states: started, pending })).of("daemon").pending).toBeUndefined();
});

test("a start between what is noted and a change that was cut off counts for nothing", async () => {
  const { run, machine } = trial();
  let dies = false;
  const pending = keptPending(() => {
    if (dies) throw new Error("the agent was killed");
  });
  await start(machine, "first");
  await run(tree("a"), { states: started, pending });
  await run(tree("b"), { states: started, pending });
  // It dies after the change was made: what was noted before it is gone from the disk by then.
  const watched = { ...started, "trial.thing": { ...started["trial.thing"], protects: dieing } as AnySpec };
  async function dieing(): Promise<string> {
    dies = true;
    return "in maintenance only";
  }
  await run(tree("c"), { states: watched, pending });
  dies = false;
  await start(machine, "second");
  const told = await run(tree("c"), { states: started, pending });
  expect(told.of("daemon").pending).toBe("in maintenance only");
});

test("where nobody can say which start runs, it stays owed", async () => {
  const { run } = trial();
  const pending = keptPending();
  const states = {
    ...started,
    "trial.thing": {
      ...started["trial.thing"],
      instance: () => Promise.reject(new Error("systemd does not answer")),
    } as AnySpec,
  };
  await run(tree("a"), { states, pending });
  expect((await run(tree("b"), { states, pending })).of("daemon").pending).toBeDefined();
  expect((await run(tree("b"), { states, pending })).of("daemon").pending).toBeDefined();
});
