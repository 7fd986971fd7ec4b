import { expect, test } from "vitest";

import { Turns } from "./turns.ts";

test("who shares a name waits, also for one that fails; who shares none does not", async () => {
  const turns = new Turns();
  const order: string[] = [];
  const gate = Promise.withResolvers<void>();
  const first = turns.take(["id a", "mac 1"], async () => {
    order.push("first begins");
    await gate.promise;
    order.push("first fails");
    throw new Error("no");
  });
  const sameMac = turns.take(["id b", "mac 1"], async () => order.push("same card"));
  const chained = turns.take(["id b"], async () => order.push("same id as that one"));
  await turns.take(["id c", "mac 2"], async () => order.push("a stranger"));
  expect(order).toEqual(["first begins", "a stranger"]);
  gate.resolve();
  await expect(first).rejects.toThrow("no");
  await Promise.all([sameMac, chained]);
  expect(order.slice(2)).toEqual(["first fails", "same card", "same id as that one"]);
});
