import type { RunReport } from "@boma/states";
import { expect, test } from "vitest";

import type { JobStore } from "../jobs/job-store.ts";
import type { Table } from "../store/table.ts";
import { type PlanRecord, Plans } from "./plans.ts";

const report = (catalog: string, plan: string): RunReport => ({
  ok: true,
  catalog,
  plan,
  results: [],
  summary: {
    ok: 0,
    changed: 0,
    "would-change": 0,
    failed: 0,
    skipped: 0,
    refused: 0,
    unknown: 0,
    total: 0,
    ms: 0,
  },
  cut: false,
});

/** Two nodes that were planned, in a store of memory. */
function planned() {
  const records = new Map<string, PlanRecord>();
  const table = {
    values: () => records.values(),
    update: async (name: string, to: () => PlanRecord) => void records.set(name, to()),
  } as unknown as Table<PlanRecord>;
  const reports: Record<string, RunReport> = { KA: report("cat-a", "plan-a"), KB: report("cat-b", "plan-b") };
  const jobs = {
    read: async () => ({ operator: "o", target: "*", args: {} }),
    expected: async () => [
      { key: "KA", id: "a" },
      { key: "KB", id: "b" },
    ],
    ending: async (_job: string, key: string) => ({ value: reports[key] }),
  } as unknown as JobStore;
  return new Plans(table, jobs);
}

test("a node is known by its key: one that got another name keeps its part, and no other gets it", async () => {
  const plans = planned();
  const { hash } = await plans.store("job");
  const bound = plans.find(hash);
  expect(await bound.of({ key: "KA", id: "renamed" }, "cat-a")).toEqual({ hash: "plan-a", digests: {} });
  // The two have changed their names.
  expect(await bound.of({ key: "KB", id: "a" }, "cat-b")).toMatchObject({ hash: "plan-b" });
  await expect(bound.of({ key: "KC", id: "a" }, "cat-a")).rejects.toMatchObject({ code: "state/plan" });
});

test("a node of which the site says something else by now is told how to see what", async () => {
  const plans = planned();
  const { hash } = await plans.store("job");
  const of = plans.find(hash).of({ key: "KA", id: "a" }, "cat-new");
  await expect(of).rejects.toMatchObject({
    code: "state/moved",
    hint: "See what: boma-master catalog diff a cat-a cat-new",
  });
});
