import { expect, test } from "vitest";

import { EventShares } from "./event-shares.ts";

const MIB = 1024 * 1024;

test("a node may tell at once what it kept, then as much as comes back with time, and its being late is said once", () => {
  let now = 0;
  const late: string[] = [];
  const shares = new EventShares(
    (node) => late.push(node),
    () => now,
  );
  const taken = (node: string, tries: number): number =>
    Array.from({ length: tries }, () => shares.take(node, MIB)).filter(Boolean).length;
  expect(taken("bad", 100)).toBe(16);
  expect(late).toEqual(["bad"]);
  expect(taken("good", 1)).toBe(1);
  now += 128_000;
  expect(taken("bad", 100)).toBe(2);
  expect(late).toEqual(["bad"]);
  now += 24 * 3_600_000;
  expect(taken("bad", 100)).toBe(16);
  expect(late).toEqual(["bad", "bad"]);
});
