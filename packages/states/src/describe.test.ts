import { describe, expect, test } from "vitest";
import { z } from "zod";

import { defineFunction, FUNCTION_TIMEOUT_MS } from "./define-function.ts";
import { describeFunction } from "./describe.ts";
import { functions } from "./functions.gen.ts";

const common = {
  name: "test.sample",
  summary: "A sample.",
  result: z.null(),
  effect: "read",
  onRestart: "fail",
  examples: ["boma-master run x test.sample"],
  run: async () => null,
} as const;

describe("the description of a function", () => {
  test("says of each parameter its type, whether it must be given, its default and its words", () => {
    const params = z.strictObject({
      text: z.string().describe("Some text."),
      count: z.int().optional(),
      ratio: z.number().default(0.5),
      deep: z.boolean().default(false),
      level: z.enum(["low", "high"]).optional(),
      names: z.array(z.string()),
      env: z.record(z.string(), z.string()).optional(),
      either: z.union([z.string(), z.array(z.number())]).optional(),
      free: z.unknown(),
    });
    expect(describeFunction(defineFunction({ ...common, params })).parameters).toEqual([
      { name: "text", type: "string", required: true, summary: "Some text." },
      { name: "count", type: "integer", required: false },
      { name: "ratio", type: "number", required: false, default: 0.5 },
      { name: "deep", type: "boolean", required: false, default: false },
      { name: "level", type: '"low" | "high"', required: false },
      { name: "names", type: "list of string", required: true },
      { name: "env", type: "map of string", required: false },
      { name: "either", type: "string | list of number", required: false },
      { name: "free", type: "any", required: expect.any(Boolean) },
    ]);
  });

  test("carries everything that a reader may ask, with the time limit that holds", () => {
    const params = z.strictObject({ a: z.string() });
    expect(describeFunction(defineFunction({ ...common, params, positional: ["a"] }))).toEqual({
      name: "test.sample",
      summary: "A sample.",
      effect: "read",
      onRestart: "fail",
      timeoutMs: FUNCTION_TIMEOUT_MS,
      positional: ["a"],
      parameters: [{ name: "a", type: "string", required: true }],
      examples: ["boma-master run x test.sample"],
    });
    expect(describeFunction(defineFunction({ ...common, params, timeoutMs: 7 })).timeoutMs).toBe(7);
  });

  test("is plain data, so that it can be a result", () => {
    for (const spec of Object.values(functions)) {
      const doc = describeFunction(spec);
      expect(JSON.parse(JSON.stringify(doc))).toEqual(doc);
    }
  });
});

test("a function that contradicts itself does not compile", () => {
  const params = z.strictObject({ text: z.string() });
  const sound = { ...common, params };
  defineFunction({ ...sound, positional: ["text"], run: async ({ text }) => (text === "" ? null : null) });
  // @ts-expect-error -- a name has a module and a function.
  defineFunction({ ...sound, name: "sample" });
  // @ts-expect-error -- only a parameter can be positional.
  defineFunction({ ...sound, positional: ["txt"] });
  // @ts-expect-error -- the result is not of the kind that the schema names.
  defineFunction({ ...sound, run: async () => "text" });
  // @ts-expect-error -- there is no such parameter.
  defineFunction({ ...sound, run: async ({ txt }) => (txt ? null : null) });
  // @ts-expect-error -- an effect is a read or a write.
  defineFunction({ ...sound, effect: "both" });
  // @ts-expect-error -- what becomes of it at a restart must be said.
  defineFunction({ ...sound, onRestart: undefined });
  // @ts-expect-error -- an outcome is one of three.
  defineFunction({ ...sound, outcome: () => "fine" });
  // @ts-expect-error -- the host has no such ability.
  defineFunction({ ...sound, run: async (_, { host }) => host.network });
  expect(describeFunction(defineFunction(sound)).name).toBe("test.sample");
});
