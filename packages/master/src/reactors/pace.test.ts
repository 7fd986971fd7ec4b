import { afterEach, expect, test, vi } from "vitest";

import { Pace } from "./pace.ts";

afterEach(() => void vi.useRealTimers());

test("a clock that is set back does not hold up a reactor for as long", async () => {
  vi.useFakeTimers({ toFake: ["Date"] });
  const pace = new Pace({ count: 1, perMs: 50 });
  const { signal } = new AbortController();
  const late: number[] = [];
  await pace.turn(signal, (until) => late.push(until));
  vi.setSystemTime(Date.now() - 3_600_000);
  await pace.turn(signal, (until) => late.push(until));
  expect(late).toHaveLength(1);
  expect(late[0]! - Date.now()).toBeLessThanOrEqual(50);
});
