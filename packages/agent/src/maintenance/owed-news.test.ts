/** What is told of restarts that are owed: once, once a day, and when they are done. */
import type { Owed } from "@boma/states/core";
import { expect, test } from "vitest";

import { newsOf } from "./owed-news.ts";

const DAY = 86_400_000;
const owed = (id: string, since: number | null = 1000): Owed => ({
  id,
  unit: `${id}.service`,
  domain: "d",
  why: "in maintenance only",
  cause: "file.managed(/conf)",
  since,
  window: { open: false, window: null, at: null },
  role: undefined,
});

test("what has become owed is told once, again each day with its age, and when it is done", () => {
  const first = newsOf(new Map(), [owed("a")], 2000);
  expect(first.events).toMatchObject([
    { kind: "maintenance.owed", data: { resource: "a", since: 1000, days: 0, cause: "file.managed(/conf)" } },
  ]);
  expect(newsOf(first.told, [owed("a")], 3000).events).toEqual([]);
  expect(first.nextAt).toBe(2000 + DAY);
  const later = newsOf(first.told, [owed("a")], 2000 + DAY);
  expect(later.events).toMatchObject([{ kind: "maintenance.owed", data: { days: 1 } }]);
  expect(newsOf(later.told, [owed("a")], 2500 + DAY).events).toEqual([]);
  const done = newsOf(later.told, [], 3000 + DAY);
  expect(done.events).toMatchObject([{ kind: "maintenance.settled", data: { resource: "a", since: 1000 } }]);
  expect(done).toMatchObject({ told: new Map(), nextAt: undefined });
});

test("one that was done and is owed anew is told anew", () => {
  const { told } = newsOf(new Map(), [owed("a")], 2000);
  expect(newsOf(told, [owed("a", 5000)], 6000).events).toMatchObject([{ data: { since: 5000 } }]);
});

test("one of which nobody wrote down since when is dated from when it was first seen", () => {
  const { told } = newsOf(new Map(), [owed("a", null)], 2000);
  expect(newsOf(told, [owed("a", null)], 2000 + 2 * DAY).events).toMatchObject([
    { data: { since: 2000, days: 2 } },
  ]);
});
