/** Every state keeps the contract with every one of its examples: a new one is held to it by being there. */
import { describe, expect, test } from "vitest";
import { z } from "zod";

import { checkParams } from "./check-params.ts";
import { type Requisite, REQUISITES, REQUISITES_IN } from "./declaration.ts";
import type { AnySpec } from "./state-spec.ts";
import { states } from "./states.gen.ts";
import { contractOf } from "./testing/contract.ts";

const catalogue: [string, AnySpec][] = Object.entries(states).map(([name, { spec }]) => [name, spec]);

describe.each(catalogue)("%s", (name, spec) => {
  test("is in the file of its name", async () => {
    const file = (await import(/* @vite-ignore */ `./states/${name.replace(".", "/")}.ts`)) as {
      default: { spec: AnySpec };
    };
    expect(file.default.spec).toBe(spec);
    expect(spec.name).toBe(name);
  });

  test("has no parameter with the name of a requisite: nobody could ever give it", () => {
    const names = Object.keys(spec.params.shape as object);
    expect(names.filter((one) => [...REQUISITES, ...REQUISITES_IN].includes(one as Requisite))).toEqual([]);
  });

  test("has a summary that is a sentence, and no parameter without words", () => {
    expect(spec.summary).toMatch(/^[A-Z].*\.$/);
    const { properties = {} } = z.toJSONSchema(spec.params as z.ZodObject, { io: "input" }) as {
      properties?: Record<string, { description?: string }>;
    };
    for (const [parameter, { description }] of Object.entries(properties))
      expect(description, parameter).toMatch(/\.$/);
    expect(Object.keys(properties)).toContain(spec.key);
  });

  test("refuses unknown parameters", () => {
    expect(z.toJSONSchema(spec.params as z.ZodObject, { io: "input" })).toMatchObject({
      additionalProperties: false,
    });
  });

  test("has an example", () => {
    expect(spec.examples.length).toBeGreaterThan(0);
  });

  describe.each(spec.examples.map((example) => [example.title, example] as const))(
    "%s",
    (_title, example) => {
      test("has parameters that parse to themselves", () => {
        const once = checkParams(spec, { ...example.params, [spec.key]: example.key });
        expect(checkParams(spec, once)).toEqual(once);
        // What goes into a catalog is plain data.
        expect(structuredClone(once)).toEqual(once);
      });
      test("check only looks", () => contractOf(spec, example).checkOnlyLooks());
      test("apply makes it so, and a second time finds nothing to do", () =>
        contractOf(spec, example).convergesAndStays());
      test("converges from wherever it was killed", async () => {
        await contractOf(spec, example).convergesFromAnyKill();
      });
    },
  );
});
