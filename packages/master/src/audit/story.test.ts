import { expect, test } from "vitest";

import type { AuditEntry } from "./record.ts";
import { Story } from "./story.ts";

const JOB = "01M7Z0C33Q8XHSWS2ZBPT2D8ZX";

function told(...records: readonly Record<string, unknown>[]): string[] {
  const story = new Story();
  const entries = records.map(
    (record, at) =>
      ({ n: at + 1, at: "2026-11-21T12:00:00.000Z", prev: "", ...record }) as unknown as AuditEntry,
  );
  return [...entries.flatMap((entry) => story.take(entry)), ...story.end()].map((line) =>
    line.replace(/^ *\d+ {2}2026-11-21 12:00:00\.000 {2}/, "").trim(),
  );
}

const asked = {
  kind: "request",
  operator: "ann",
  from: "10.0.0.1",
  verb: "nodes.revoke",
  args: { id: "web" },
};

test("a request and how it ended are one line, in the order in which they ended", () => {
  const other = { ...asked, operator: "bob" };
  expect(
    told(asked, other, { kind: "ended", request: 2 }, { kind: "ended", request: 1, error: "node/unknown" }),
  ).toEqual([
    'bob nodes.revoke {"id":"web"} ok from 10.0.0.1',
    'ann nodes.revoke {"id":"web"} node/unknown from 10.0.0.1',
  ]);
});

test("a request without an end is told at the end, and says so", () => {
  expect(told(asked)).toEqual(['ann nodes.revoke {"id":"web"} no end on record from 10.0.0.1']);
});

test("a denied request is one line with the reason", () => {
  const denied = { ...asked, kind: "denied", request: 1, args: undefined, reason: "ann may not" };
  expect(told(asked, denied)).toEqual(["ann nodes.revoke denied ann may not from 10.0.0.1"]);
});

test("a job is a line, and nodes that ended alike one below it", () => {
  const job = { job: JOB, operator: "ann", function: "test.ping", args: {}, target: "*", count: 3 };
  const result = (id: string, status: string) => ({ kind: "result", job: JOB, id, status, ms: 1 });
  expect(
    told(
      { ...asked, verb: "job.start" },
      { kind: "job", ...job },
      { kind: "ended", request: 1, job: JOB },
      result("a", "ok"),
      result("b", "ok"),
      result("c", "failed"),
      { kind: "finished", job: JOB, statuses: { ok: 2, failed: 1 } },
    ),
  ).toEqual([`job ${JOB} ann: test.ping {} on *, 3 nodes`, `${JOB} ok a b`, `${JOB} failed c`]);
});
