import { expect, test } from "vitest";

import { light, thing, trial } from "../testing/trial.ts";

const plan = { mode: "plan" } as const;

test("what should be so is made so, and a second run finds it as it should be", async () => {
  const { run, at } = trial();
  const first = await run([thing("a")]);
  expect(first).toMatchObject({ ok: true, brief: { a: "changed" } });
  expect(first.of("a")).toMatchObject({ comment: "created", changes: { value: { to: "on" } } });
  expect(await at("/a")).toBe("on");
  expect((await run([thing("a")])).of("a")).toMatchObject({ result: "ok", comment: "is as it should be" });
  expect((await run([thing("a", { value: "off" })])).of("a").comment).toBe("changed value");
});

test("a plan touches nothing and says what would change", async () => {
  const { run, machine } = trial();
  expect((await run([thing("a")], plan)).brief).toEqual({ a: "would-change" });
  expect(machine.log).toEqual([]);
});

test("require: a failure skips its dependants alone, each naming the root of it", async () => {
  const a = thing("a", { breaks: "apply" });
  const b = thing("b", { require: a });
  const told = await trial().run([a, b, thing("c", { require: b }), thing("d")]);
  expect(told.brief).toEqual({ a: "failed", b: "skipped", c: "skipped", d: "changed" });
  expect(told.ok).toBe(false);
  expect(told.of("a").error).toMatchObject({ code: "state/failed", message: "apply broke" });
  expect(told.of("b").comment).toBe("trial.thing(a) failed");
  expect(told.of("c").comment).toBe("trial.thing(b) was not run, because trial.thing(a) failed");
});

test("requireAny: one success among them is enough, none is too few", async () => {
  const a = thing("a", { breaks: "apply" });
  const b = thing("b", { breaks: "check" });
  const c = thing("c");
  const told = await trial().run([
    a,
    b,
    c,
    thing("d", { requireAny: [a, c] }),
    thing("e", { requireAny: [a, b] }),
  ]);
  expect(told.brief).toMatchObject({ d: "changed", e: "skipped" });
});

test("watch: a change there refreshes this, and no change does not", async () => {
  const { run, at } = trial({ files: { "/s": "on" } });
  const tree = [thing("a"), thing("s", { watch: "trial.thing(a)" })];
  const first = await run(tree);
  expect(first.of("s")).toMatchObject({
    result: "changed",
    refreshed: true,
    comment: "refreshed because of trial.thing(a)",
  });
  expect((await run(tree)).of("s")).toMatchObject({ result: "ok" });
  expect(await at("/s.refreshed")).toBe("r");
});

test("watch: a failure there skips this", async () => {
  const told = await trial().run([thing("a", { breaks: "apply" }), thing("s", { watch: "trial.thing(a)" })]);
  expect(told.brief).toEqual({ a: "failed", s: "skipped" });
});

test("watch: what was refreshed counts as changed for what watches it", async () => {
  const { run, at } = trial({ files: { "/s": "on", "/t": "on" } });
  await run([thing("a"), thing("s", { watch: "trial.thing(a)" }), thing("t", { watch: "trial.thing(s)" })]);
  expect(await at("/t.refreshed")).toBe("r");
});

test("watchAny: one success among them is enough, and its change refreshes", async () => {
  const { run, at } = trial({ files: { "/s": "on" } });
  const told = await run([
    thing("a", { breaks: "apply" }),
    thing("b"),
    thing("s", { watchAny: ["trial.thing(a)", "trial.thing(b)"] }),
  ]);
  expect(told.of("s")).toMatchObject({ result: "changed", refreshed: true });
  expect(await at("/s.refreshed")).toBe("r");
});

test("a failed refresh is a failure", async () => {
  const told = await trial().run([thing("a"), thing("s", { watch: "trial.thing(a)", breaks: "refresh" })]);
  expect(told.of("s")).toMatchObject({ result: "failed", error: { message: "refresh broke" } });
});

test("onChanges: runs only if one of them changed; that nothing did is no failure", async () => {
  const tree = [thing("a"), thing("b"), thing("c", { onChanges: ["trial.thing(a)", "trial.thing(b)"] })];
  const still = trial({ files: { "/a": "on", "/b": "on" } });
  const told = await still.run([...tree, thing("d", { require: "trial.thing(c)" })]);
  expect(told.brief).toMatchObject({ c: "skipped", d: "changed" });
  expect(told.ok).toBe(true);
  expect((await trial({ files: { "/a": "on" } }).run(tree)).brief).toMatchObject({ c: "changed" });
  expect((await trial({ files: { "/a": "on" } }).run(tree, plan)).brief).toMatchObject({ c: "would-change" });
});

test("onChanges: a failure among them skips, with onChangesAny only when all failed", async () => {
  const a = thing("a", { breaks: "apply" });
  const b = thing("b");
  const told = await trial().run([
    a,
    b,
    thing("c", { onChanges: [a, b] }),
    thing("d", { onChangesAny: [a, b] }),
    thing("e", { onChangesAny: [a] }),
  ]);
  expect(told.brief).toMatchObject({ c: "skipped", d: "changed", e: "skipped" });
  expect(told.of("e").comment).toBe("trial.thing(a) failed");
});

test("onFail: runs only if one of them failed; onFailAll only if all did", async () => {
  const a = thing("a", { breaks: "apply" });
  const b = thing("b");
  const c = thing("c", { require: a });
  const told = await trial().run([
    a,
    b,
    c,
    thing("one", { onFail: [a, b] }),
    thing("none", { onFail: b }),
    thing("all", { onFailAll: [a, c] }),
    thing("notAll", { onFailAll: [a, b] }),
  ]);
  expect(told.brief).toMatchObject({ one: "changed", none: "skipped", all: "changed", notAll: "skipped" });
});

test("prereq: runs before its target, and only if that would change", async () => {
  const tree = [thing("target"), thing("before", { prereq: "trial.thing(target)" })];
  const told = await trial().run(tree);
  expect(told.brief).toEqual({ before: "changed", target: "changed" });
  expect(Object.keys(told.brief)).toEqual(["before", "target"]);
  expect((await trial({ files: { "/target": "on" } }).run(tree)).of("before")).toMatchObject({
    result: "skipped",
    comment: "trial.thing(target) would not change",
  });
});

test("prereq: looks at its target without touching it, and when it fails the target is not run", async () => {
  const { run, machine } = trial();
  const told = await run([
    thing("target"),
    thing("before", { prereq: "trial.thing(target)", breaks: "apply" }),
  ]);
  expect(told.brief).toEqual({ before: "failed", target: "skipped" });
  expect(machine.log).toEqual([]);
});

test("prereq: of a prereq runs only if the last target would change", async () => {
  const tree = [
    thing("first", { prereq: "trial.thing(second)" }),
    thing("second", { prereq: "trial.thing(third)" }),
    thing("third"),
  ];
  expect((await trial({ files: { "/third": "on" } }).run(tree)).brief).toMatchObject({
    first: "skipped",
    second: "skipped",
  });
  expect((await trial().run(tree)).brief).toMatchObject({ first: "changed", second: "changed" });
});

test("listen: refreshes at the end of the run, once, also for what changed later", async () => {
  const { run, at, machine } = trial({ files: { "/s": "on" } });
  const told = await run([
    thing("s", { listen: ["trial.thing(a)", "trial.thing(b)"] }),
    thing("a"),
    thing("b"),
    thing("z"),
  ]);
  expect(told.of("s")).toMatchObject({ result: "changed", refreshed: true });
  expect(await at("/s.refreshed")).toBe("r");
  expect(machine.log.at(-1)).toContain("/s.refreshed");
});

test("a plan says what would be refreshed, by watch and by listen", async () => {
  const { run } = trial({ files: { "/s": "on", "/t": "on" } });
  const told = await run(
    [thing("a"), thing("s", { watch: "trial.thing(a)" }), thing("t", { listen: "trial.thing(a)" })],
    plan,
  );
  for (const key of ["s", "t"])
    expect(told.of(key)).toMatchObject({ result: "would-change", refreshed: true });
});

test("a plan says unknown where check needs what an earlier one would make, and so on down", async () => {
  const a = thing("a");
  const b = thing("b", { needs: "a", require: a });
  const tree = [a, b, thing("c", { onChanges: b }), thing("d", { needs: "nothing" })];
  const told = await trial().run(tree, plan);
  expect(told.brief).toEqual({ a: "would-change", b: "unknown", c: "unknown", d: "failed" });
  expect(told.of("b").comment).toContain("trial.thing(a)");
  const { run } = trial({ files: { "/a": "on" } });
  expect((await run(tree, plan)).brief).toMatchObject({ a: "ok", b: "would-change" });
});

test("failHard: nothing begins after its failure", async () => {
  const told = await trial().run([
    light("a"),
    thing("b", { breaks: "apply", failHard: true }),
    light("c"),
    light("d"),
  ]);
  expect(told.brief).toEqual({ a: "changed", b: "failed", c: "skipped", d: "skipped" });
  expect(told.of("d").comment).toBe("trial.thing(b) failed, and nothing may begin after that");
});
