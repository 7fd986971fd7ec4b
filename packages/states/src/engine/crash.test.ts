import { expect, test } from "vitest";

import { recorded } from "../testing/memory-host.ts";
import { keptPending, thing, trial } from "../testing/trial.ts";

class Killed extends Error {}

/** From the given step on nothing happens any more: no write, and nothing is noted either. */
function deadly(killAt: number) {
  let steps = 0;
  return {
    steps: () => steps,
    alive: (): void => {
      if (steps++ >= killAt) throw new Killed();
    },
  };
}

const tree = () => [
  thing("a", { value: "new" }),
  thing("s", { watch: "trial.thing(a)" }),
  thing("t", { watch: "trial.thing(s)" }),
  thing("b", { value: "new" }),
  thing("l", { listen: ["trial.thing(a)", "trial.thing(b)"] }),
];
const given = { files: { "/a": "old", "/b": "old", "/s": "on", "/t": "on", "/l": "on" } };

test("killed at any step, the next run refreshes all that was owed", async () => {
  let survived = 0;
  for (let killAt = 0; survived === 0 || killAt <= survived; killAt++) {
    const life = deadly(killAt);
    const { run, machine, at } = trial(given);
    const pending = keptPending(life.alive);
    await run(tree(), { ports: recorded(machine.ports, [], life.alive), pending });
    if (life.steps() <= killAt) survived ||= killAt;
    const next = keptPending();
    for (const id of pending.ids) next.ids.add(id);
    const told = await run(tree(), { pending: next });
    expect(told.ok, `killed at ${killAt}`).toBe(true);
    for (const key of ["s", "t", "l"])
      expect(await at(`/${key}.refreshed`), `${key}, killed at ${killAt}`).toMatch(/^r+$/);
    expect([...next.ids], `killed at ${killAt}`).toEqual([]);
    const third = await run(tree(), { pending: next });
    expect(third.summary.ok, `killed at ${killAt}`).toBe(5);
  }
  expect(survived).toBeGreaterThan(8);
});

test("what is owed to a declaration that is gone is dropped, and a plan drops nothing", async () => {
  const pending = keptPending();
  pending.ids.add("trial.thing(gone)");
  const { run } = trial();
  await run([thing("a")], { pending, mode: "plan" });
  expect([...pending.ids]).toEqual(["trial.thing(gone)"]);
  await run([thing("a")], { pending });
  expect([...pending.ids]).toEqual([]);
});

test("a plan tells of a refresh that an earlier run owes", async () => {
  const pending = keptPending();
  pending.ids.add("trial.thing(s)");
  const told = await trial({ files: { "/s": "on" } }).run([thing("s")], { pending, mode: "plan" });
  expect(told.of("s")).toMatchObject({ result: "would-change", refreshed: true });
  expect([...pending.ids]).toEqual(["trial.thing(s)"]);
});

test("a watcher that was skipped is still owed its refresh", async () => {
  const pending = keptPending();
  const { run, at } = trial({ files: { "/s": "on" } });
  const a = thing("a");
  await run([a, thing("x", { breaks: "apply" }), thing("s", { watch: a, require: "trial.thing(x)" })], {
    pending,
  });
  expect([...pending.ids]).toEqual(["trial.thing(s)"]);
  await run([a, thing("x"), thing("s", { watch: a, require: "trial.thing(x)" })], { pending });
  expect(await at("/s.refreshed")).toBe("r");
  expect([...pending.ids]).toEqual([]);
});
