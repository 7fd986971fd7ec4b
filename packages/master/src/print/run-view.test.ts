import { expect, test } from "vitest";

import type { JobItem } from "../jobs/watch.ts";
import { newRunView, take } from "./run-view.ts";

const status = (id: string, to: "sent" | "running", lost = false): JobItem => ({
  type: "status",
  id,
  status: to,
  lost,
  notAnswering: false,
});
const printed = (id: string, part?: number): JobItem => ({ type: "lines", id, part, lines: [], dropped: 1 });
const ended = (id: string): JobItem => ({ type: "ending", id, status: "ok", ms: 1 });

const ONCE: readonly JobItem[] = [
  { type: "expected", ids: ["a", "b"] },
  status("a", "running"),
  status("b", "sent"),
  printed("a", 0),
  printed("a", 1),
  printed("b", 0),
  ended("a"),
];

test("what is told once more after a break of the line is no news", () => {
  const view = newRunView();
  expect(ONCE.map((item) => take(view, item))).toEqual(ONCE.map(() => true));
  expect(ONCE.map((item) => take(view, item))).toEqual(ONCE.map(() => false));
  expect([...view.nodes]).toEqual([
    ["a", { status: "ok", ms: 1 }],
    ["b", { status: "sent", lost: false, notAnswering: false }],
  ]);
});

test("what has changed meanwhile is", () => {
  const view = newRunView();
  for (const item of ONCE) take(view, item);
  const news = [status("b", "sent", true), status("b", "running"), printed("b", 1), ended("b")];
  expect(news.map((item) => take(view, item))).toEqual(news.map(() => true));
});

test("lines that an earlier release kept without a number are shown, for nobody knows them again", () => {
  const view = newRunView();
  expect([take(view, printed("a")), take(view, printed("a"))]).toEqual([true, true]);
});
