import { describe, expect, test } from "vitest";

import type { Ending } from "../jobs/course.ts";
import {
  approved,
  begun,
  discarded,
  settled,
  stateOf,
  type TerraformPlan,
  withApprovals,
} from "./plan-record.ts";

const SHA = "1".repeat(64);
const JOB = "01K9ZC0000000000000000000B";
const HOUR = 3_600_000;

const record = (more: Partial<TerraformPlan> = {}): TerraformPlan => ({
  plan: "01K9ZC0000000000000000000A",
  workspace: "edge",
  node: "N",
  id: "control01",
  by: "anna",
  createdAt: 0,
  expiresAt: 24 * HOUR,
  bound: { sha256: SHA, serial: 0, lineage: null, version: "tofu 1.6.3", files: SHA, inputs: SHA },
  counts: { add: 1, change: 0, replace: 0, destroy: 0, forget: 0 },
  needs: { count: 1, notSubmitter: true, ttlMs: 24 * HOUR },
  approvals: [],
  state: "planned",
  ...more,
});
const by = (name: string, now = HOUR, sha256 = SHA) => ({ by: name, sha256, now });
const apply = { job: JOB, by: "anna", at: 2 * HOUR };
const consuming = record({ state: "consuming", apply });

test("who made a plan does not approve it, unless the workspace says so", () => {
  expect(() => approved(record(), by("anna"))).toThrow(/somebody else has to approve/);
  const alone = record({ needs: { count: 1, notSubmitter: false, ttlMs: HOUR } });
  expect(approved(alone, by("anna")).state).toBe("approved");
});

test("two approvals are those of two people", () => {
  const once = approved(record({ needs: { count: 2, notSubmitter: true, ttlMs: HOUR } }), by("bert"));
  expect(once.state).toBe("planned");
  expect(() => approved(once, by("bert"))).toThrow(/has approved it already/);
  expect(approved(once, by("carl")).state).toBe("approved");
});

test("an approval is for the hash that was shown", () => {
  expect(() => approved(record(), by("bert", HOUR, "2".repeat(64)))).toThrow(/not the plan that was shown/);
});

test("an approval runs out, counted from the last one, and so does a plan that nobody approves", () => {
  expect(stateOf(record(), 25 * HOUR)).toBe("expired");
  const late = approved(record(), by("bert", 23 * HOUR));
  expect(stateOf(late, 25 * HOUR)).toBe("approved");
  expect(stateOf(late, 48 * HOUR)).toBe("expired");
  expect(() => begun(late, { ...apply, at: 48 * HOUR })).toThrow(/its time is over/);
  expect(() => approved(record(), by("bert", 25 * HOUR))).toThrow(/its time is over/);
});

test("where nobody has to approve, a plan is approved from the start", () => {
  expect(withApprovals(record({ needs: { count: 0, notSubmitter: true, ttlMs: HOUR } }), 0).state).toBe(
    "approved",
  );
});

test("only what is approved is begun, and only once", () => {
  expect(() => begun(record(), apply)).toThrow(/0 of 1 approvals/);
  const running = begun(approved(record(), by("bert")), apply);
  expect(running).toMatchObject({ state: "consuming", apply });
  expect(() => begun(running, { ...apply, job: "another" })).toThrow(/is at it/);
});

test("what runs, or has run, is not discarded", () => {
  expect(discarded(record(), "bert", HOUR)).toMatchObject({
    state: "discarded",
    comment: "discarded by bert",
  });
  expect(() => discarded(consuming, "bert", HOUR)).toThrow(/is at it/);
  expect(() => discarded(record({ state: "unknown", apply }), "bert", HOUR)).toThrow(/nobody knows/);
});

describe("how an apply ended is read from its job", () => {
  const end = (ending: Ending | undefined) => settled(consuming, ending, 3 * HOUR);
  const value = (applied: boolean) => ({
    workspace: "edge",
    plan: consuming.plan,
    applied,
    said: applied ? "" : "it exited with 1",
    state: { serial: 7, lineage: "l" },
    outputs: [],
  });
  const error = (code: string) => ({ code, message: "why" });

  test.each<[string, Ending, TerraformPlan["state"]]>([
    ["the program said that it is done", { status: "changed", value: value(true) }, "applied"],
    ["the program failed, and said so", { status: "failed", value: value(false) }, "failed"],
    ["it was cancelled and said how it ended", { status: "cancelled", value: value(false) }, "failed"],
    ["it was cancelled and did not come to say", { status: "cancelled", value: null }, "unknown"],
    ["the plan was stale", { status: "failed", error: error("terraform/moved") }, "failed"],
    ["it had been used", { status: "failed", error: error("terraform/used") }, "failed"],
    ["the agent was killed over it", { status: "failed", error: error("job/agent-restarted") }, "unknown"],
    ["the node said nothing in time", { status: "timeout", error: error("job/timeout") }, "unknown"],
    ["something broke in the agent", { status: "failed", error: error("internal") }, "unknown"],
    ["a result that is none of ours", { status: "changed", value: { applied: "yes" } }, "unknown"],
    ["the node was away", { status: "offline", error: error("node/offline") }, "approved"],
    ["the node's policy refused it", { status: "refused", error: error("policy/refused") }, "approved"],
    ["another job had the workspace", { status: "failed", error: error("terraform/busy") }, "approved"],
  ])("%s", (_, ending, state) => {
    expect(end(ending).state).toBe(state);
  });

  test("what was not begun on the node can be begun again, by another job", () => {
    const again = end({ status: "offline" });
    expect(again).not.toHaveProperty("apply");
    expect(begun(again, { ...apply, job: "another" }).state).toBe("consuming");
  });

  test("a master that died before it made the job leaves a plan that failed, and none that waits for ever", () => {
    expect(end(undefined)).toMatchObject({
      state: "failed",
      comment: expect.stringContaining("never made") as string,
    });
  });
});
