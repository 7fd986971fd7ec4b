import { expect, test } from "vitest";
import { z } from "zod";

import { defineState } from "../define-state.ts";
import { thing, trial, trialStates } from "../testing/trial.ts";

const cycle: Record<string, unknown> = { a: 1 };
cycle["again"] = cycle;

/** A state whose check gives this. */
const giving = (give: () => unknown) =>
  defineState({
    name: "trial.odd",
    summary: "Odd.",
    key: "name",
    params: z.strictObject({ name: z.string() }),
    check: async () => give() as never,
    apply: async () => undefined,
    examples: [],
  });
const run = (give: () => unknown, mode: "plan" | "apply") => {
  const odd = giving(give);
  return trial().run([odd("odd"), thing("other")], {
    mode,
    states: { ...trialStates, "trial.odd": odd.spec as never },
  });
};

const wrong: Record<string, () => unknown> = {
  nothing: () => undefined,
  "a list": () => [],
  "a text": () => "changed",
  "a property without a change": () => ({ a: undefined }),
  "a property with a text in place of a change": () => ({ a: "x" }),
  "a property with neither from nor to": () => ({ a: {} }),
  "a function": () => ({ a: { from: undefined, to: () => 1 } }),
  "a symbol": () => ({ a: { from: Symbol("x"), to: 1 } }),
  "a cycle": () => ({ a: { from: 1, to: cycle } }),
  "what only looks like data": () => ({ a: { from: new Date(), to: new Map() } }),
  "a getter that throws": () => ({
    get a() {
      throw new Error("got you");
    },
  }),
};

test.each(Object.entries(wrong))(
  "a check that gives %s fails by itself, planned or applied",
  async (_name, give) => {
    for (const mode of ["plan", "apply"] as const) {
      const told = await run(give, mode);
      expect(told.brief).toEqual({ odd: "failed", other: mode === "plan" ? "would-change" : "changed" });
      expect(told.of("odd").changes).toEqual({});
    }
  },
);

test("bytes, large numbers and what is not there pass through a plan, and equal ones make equal plans", async () => {
  const give = () => ({
    a: { from: undefined, to: Buffer.from("x") },
    b: { from: 1n, to: { c: [null, NaN] } },
  });
  const [one, other] = [await run(give, "plan"), await run(give, "plan")];
  expect(one.of("odd").result).toBe("would-change");
  expect(one.plan).toBe(other.plan);
});

test("a result with more properties than a message can carry keeps its place in the report, and says how many", async () => {
  const told = await run(
    () => Object.fromEntries(Array.from({ length: 20_000 }, (_, n) => [`p${n}`, { from: 1, to: n }])),
    "plan",
  );
  expect(told.cut).toBe(true);
  expect(told.of("odd").result).toBe("would-change");
  expect(Object.keys(told.of("odd").changes).at(-1)).toBe("… 19900 more");
});
