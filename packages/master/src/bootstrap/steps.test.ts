import { expect, test } from "vitest";

import { runStep } from "./steps.ts";

const stepOver = (state: { is: boolean; works: boolean; done: number }) => ({
  name: "the thing",
  look: async () => (state.is ? undefined : "it is not there"),
  do: async () => {
    state.done += 1;
    state.is = state.works;
  },
});

test("what is as it should be is not touched, and what was not is told with what was missing", async () => {
  const state = { is: false, works: true, done: 0 };
  expect(await runStep(stepOver(state))).toEqual({
    step: "the thing",
    result: "changed",
    why: "it is not there",
  });
  expect(await runStep(stepOver(state))).toEqual({ step: "the thing", result: "ok" });
  expect(state.done).toBe(1);
});

test("a step that did not lead to what it should says so, rather than that it was done", async () => {
  await expect(runStep(stepOver({ is: false, works: false, done: 0 }))).rejects.toThrow(
    "the thing: it is not there",
  );
});

test("what takes its time is looked at until it is there", async () => {
  let looks = 0;
  const slow = {
    name: "slow",
    waitMs: 60_000,
    look: async () => (++looks < 4 ? "not yet" : undefined),
    do: async () => undefined,
  };
  expect(await runStep(slow)).toMatchObject({ result: "changed" });
  expect(looks).toBe(4);
});
