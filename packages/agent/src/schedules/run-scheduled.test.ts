// Goal: a schedule runs by the same checks as a job, and whoever asks hears how it went.
// Method: as in schedules.test.ts.
import { join } from "node:path";

import { BomaError } from "@boma/protocol";
import type { RunReport } from "@boma/states";
import { beforeEach, describe, expect, test, vi } from "vitest";

import { type ScheduleBench, scheduleBench } from "../testing/schedule-bench.ts";

let bench: ScheduleBench;
beforeEach(async () => {
  bench = await scheduleBench();
});

const hourly = { cron: "0 * * * *" };

describe("refused", () => {
  const refused = async (comment: string): Promise<void> => {
    bench.hour();
    await vi.waitFor(() => expect(bench.of("schedule.missed")).toHaveLength(1));
    expect(bench.of("schedule.missed")[0]).toMatchObject({
      why: "refused",
      comment: expect.stringContaining(comment),
    });
    expect(bench.begun).toHaveLength(0);
    expect(bench.of("schedule.ran")).toEqual([]);
    expect(bench.node.list()).toMatchObject([{ missed: 1, lastRun: { status: "refused" } }]);
  };

  test("by the policy of the node", async () => {
    bench.declare("nightly", hourly);
    await bench.start();
    bench.policy = {
      problems: [],
      check(name) {
        throw new BomaError("job/refused", `${name} is denied on this node`);
      },
    };
    await refused("test.ping is denied on this node");
  });

  test("where the journal is damaged", async () => {
    bench.declare("nightly", hourly);
    await bench.start();
    bench.corrupt = true;
    await refused("journal is damaged");
  });

  test("where the node has no catalog to apply", async () => {
    bench.declare("nightly", { ...hourly, function: "state.apply" });
    await bench.start();
    await refused("no catalog of its own");
  });

  test("where its start cannot be written down", async () => {
    bench.declare("nightly", hourly);
    await bench.start();
    await bench.died();
    bench.path = join(bench.path, "below a file");
    await bench.start();
    await refused("its start could not be recorded");
  });
});

test("a catalog is applied as the node's own, and told with its counts", async () => {
  const modes: string[] = [];
  const report = {
    ok: true,
    catalog: "abc",
    results: [],
    cut: false,
    summary: { ok: 3, changed: 2, failed: 0, total: 5, ms: 9 },
  };
  bench.cached = {
    async run(mode, { who }) {
      modes.push(`${who}: ${mode}`);
      return report as unknown as RunReport;
    },
  };
  bench.declare("nightly", { ...hourly, function: "state.apply" });
  await bench.start();
  bench.hour();
  await vi.waitFor(() => expect(bench.of("schedule.ran")).toHaveLength(1));
  expect(modes).toEqual(["schedule nightly: apply"]);
  expect(bench.of("schedule.ran")[0]).toMatchObject({ status: "changed" });
});

describe("asked to run now", () => {
  const signal = new AbortController().signal;

  test("it runs, is told, and is due again at its own time", async () => {
    bench.declare("nightly", hourly);
    const node = await bench.start();
    const run = node.run("nightly", signal);
    await expect(node.run("nightly", signal)).rejects.toMatchObject({ code: "schedule/running" });
    await bench.ends(0, new Error("no such host"));
    expect(await run).toMatchObject({ status: "failed", comment: "no such host" });
    expect(node.list()).toMatchObject([
      {
        name: "nightly",
        running: false,
        missed: 0,
        lastRun: { status: "failed" },
        nextDue: Date.parse("2026-11-20T11:00Z"),
      },
    ]);
    bench.hour();
    await vi.waitFor(() => expect(bench.begun).toHaveLength(2));
  });

  test("one that is not there is an error that names it", async () => {
    const node = await bench.start();
    await expect(node.run("nigthly", signal)).rejects.toMatchObject({
      code: "schedule/unknown",
      message: expect.stringContaining("nigthly"),
    });
  });
});

test("what an agent cannot keep is listed with the reason, and harms no other", async () => {
  bench.declare("nightly", hourly);
  bench.duties.set("schedule.job(newer)", {
    params: { name: "newer", function: "from.the-future", every: "1h" },
  });
  const node = await bench.start();
  expect(node.list()).toMatchObject([
    { name: "nightly", enabled: true },
    {
      name: "newer",
      enabled: false,
      problem: expect.stringContaining("there is no function from.the-future"),
    },
  ]);
});
