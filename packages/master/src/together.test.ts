import { expect, test } from "vitest";

import { Together } from "./together.ts";

/** Answers when it is let go, and writes down what it was asked. */
function bench() {
  const asked: (readonly string[])[] = [];
  const gates: PromiseWithResolvers<void>[] = [];
  const together = new Together(async (keys: readonly string[]) => {
    asked.push(keys);
    const gate = Promise.withResolvers<void>();
    gates.push(gate);
    await gate.promise;
    return new Map(keys.filter((key) => key !== "nobody").map((key) => [key, `${key}!`]));
  });
  const letGo = async (): Promise<void> => {
    await expect.poll(() => gates.length).toBeGreaterThan(0);
    gates.shift()!.resolve();
  };
  return { asked, together, letGo, fail: (error: Error) => gates.shift()!.reject(error) };
}

test("those that come while an answer is made are asked for together", async () => {
  const { asked, together, letGo } = bench();
  const first = together.of("a");
  await expect.poll(() => asked).toEqual([["a"]]);
  const others = ["b", "c", "b", "nobody"].map((key) => together.of(key));
  await letGo();
  expect(await first).toBe("a!");
  await letGo();
  expect(await Promise.all(others)).toEqual(["b!", "c!", "b!", undefined]);
  expect(asked).toEqual([["a"], ["b", "c", "nobody"]]);
});

test("one that fails, fails for those who asked, and not for the next ones", async () => {
  const { asked, together, letGo, fail } = bench();
  const first = together.of("a");
  await expect.poll(() => asked).toHaveLength(1);
  const next = together.of("b");
  fail(new Error("gone"));
  await expect(first).rejects.toThrow("gone");
  await letGo();
  expect(await next).toBe("b!");
});
