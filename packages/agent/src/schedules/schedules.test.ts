// Goal: what is due runs once and never beside itself; what is missed is told with its reason; restarts and clocks
// that are set neither repeat a run nor forget one.
// Method: the schedules of a node over a clock that the test sets, a file on the disk, and functions of the test's own.
import { writeFile } from "node:fs/promises";

import { beforeEach, describe, expect, test, vi } from "vitest";

import { HOUR_MS, MINUTE_MS, type ScheduleBench, scheduleBench, START } from "../testing/schedule-bench.ts";

let bench: ScheduleBench;
beforeEach(async () => {
  bench = await scheduleBench();
});

const hourly = { cron: "0 * * * *" };

describe("on time", () => {
  test("what is due runs once, and is told with when it was due and how it ended", async () => {
    bench.declare("nightly", hourly);
    await bench.start();
    expect(bench.wakesIn).toBe(30_000);
    bench.hour();
    await bench.ends(0);
    bench.pass(1000);
    expect(bench.isIdle).toBe(true);
    expect(bench.begun).toHaveLength(1);
    const due = Date.parse("2026-11-20T11:00:00Z");
    expect(bench.of("schedule.ran")).toEqual([
      {
        schedule: "nightly",
        function: "test.ping",
        due,
        startedAt: due + 1000,
        ms: expect.any(Number),
        status: "ok",
        comment: "",
      },
    ]);
    expect(bench.of("schedule.missed")).toEqual([]);
  });

  test("a schedule that is new does not make up for the time before it was there", async () => {
    bench.declare("nightly", { ...hourly, catchUp: "once" });
    await bench.start();
    expect(bench.begun).toEqual([]);
    expect(bench.told).toEqual([]);
  });

  test("one that says another time than before begins anew", async () => {
    bench.declare("nightly", { cron: "0 12 * * *", catchUp: "once" });
    await bench.start();
    await bench.died();
    bench.now += HOUR_MS;
    bench.declare("nightly", { cron: "30 10 * * *", catchUp: "once" });
    await bench.start();
    expect(bench.told).toEqual([]);
  });

  test("one that is switched off runs nothing, and misses nothing once it is on again", async () => {
    bench.declare("nightly", { ...hourly, enabled: false });
    await bench.start();
    bench.pass(5 * HOUR_MS);
    await bench.died();
    bench.declare("nightly", { ...hourly, catchUp: "once" });
    await bench.start();
    expect(bench.told).toEqual([]);
    expect(bench.begun).toEqual([]);
  });
});

describe("missed", () => {
  test("while the agent was down: told with their number, and not run", async () => {
    bench.declare("nightly", hourly);
    await bench.start();
    await bench.died();
    bench.now += 5 * HOUR_MS;
    await bench.start();
    expect(bench.of("schedule.missed")).toEqual([
      expect.objectContaining({
        due: Date.parse("2026-11-20T11:00Z"),
        count: 5,
        why: "agent-down",
        madeUp: false,
      }),
    ]);
    expect(bench.isIdle).toBe(true);
    expect(bench.begun).toHaveLength(0);
    await bench.died();
    await bench.start();
    expect(bench.of("schedule.missed")).toHaveLength(1);
  });

  test("and made up for by one run, where that is asked for", async () => {
    bench.declare("nightly", { ...hourly, catchUp: "once" });
    await bench.start();
    await bench.died();
    bench.now += 5 * HOUR_MS;
    await bench.start();
    expect(bench.of("schedule.missed")).toEqual([expect.objectContaining({ count: 5, madeUp: true })]);
    await bench.ends(0);
    expect(bench.begun).toHaveLength(1);
    expect(bench.of("schedule.ran")).toHaveLength(1);
  });

  test("but not outside of the window that it has", async () => {
    bench.declare("nightly", { ...hourly, catchUp: "once", window: { from: "10:00", to: "12:00" } });
    await bench.start();
    await bench.died();
    bench.now += 5 * HOUR_MS;
    await bench.start();
    expect(bench.of("schedule.missed")).toEqual([
      expect.objectContaining({ count: 1, why: "outside-window", madeUp: false }),
    ]);
    expect(bench.isIdle).toBe(true);
    expect(bench.begun).toHaveLength(0);
  });

  test("while the machine slept", async () => {
    bench.declare("nightly", hourly);
    await bench.start();
    bench.pass(3 * HOUR_MS);
    expect(bench.of("schedule.missed")).toEqual([expect.objectContaining({ count: 3, why: "asleep" })]);
  });

  test("while it ran still: never two at once, and told when it ended", async () => {
    bench.declare("often", { every: "10s", splay: "0s" });
    await bench.start();
    bench.pass(10_000);
    await vi.waitFor(() => expect(bench.begun).toHaveLength(1));
    for (let n = 0; n < 5; n++) bench.pass(10_000);
    expect(bench.begun).toHaveLength(1);
    await bench.ends(0);
    expect(bench.of("schedule.missed")).toEqual([
      expect.objectContaining({ count: 5, why: "still-running", madeUp: false }),
    ]);
    bench.pass(10_000);
    await vi.waitFor(() => expect(bench.begun).toHaveLength(2));
  });
});

describe("clocks", () => {
  test("of 1970 bring nothing, and no half a century of misses when they are set", async () => {
    bench.now = 1000;
    bench.declare("nightly", { ...hourly, catchUp: "once" });
    bench.declare("settle", { atBoot: "5m" });
    bench.uptimeMs = 1000;
    await bench.start();
    for (let n = 0; n < 4; n++) bench.pass(HOUR_MS);
    await bench.ends(0);
    expect(bench.of("schedule.ran")).toEqual([expect.objectContaining({ schedule: "settle" })]);
    bench.now = START;
    bench.pass(0);
    expect(bench.of("schedule.missed")).toEqual([]);
    bench.pass(50 * MINUTE_MS);
    await vi.waitFor(() => expect(bench.begun).toHaveLength(2));
  });

  test("of 1970 do not make a node forget where it stood", async () => {
    bench.declare("nightly", hourly);
    await bench.start();
    await bench.died();
    bench.now = 1000;
    await bench.start();
    bench.now = START + 2 * HOUR_MS;
    bench.pass(0);
    expect(bench.of("schedule.missed")).toEqual([expect.objectContaining({ count: 2 })]);
  });

  test("that are set back do not run a thing twice", async () => {
    bench.declare("nightly", hourly);
    await bench.start();
    bench.hour();
    await bench.ends(0);
    bench.now -= 10 * MINUTE_MS;
    for (let n = 0; n < 20; n++) bench.pass(MINUTE_MS);
    expect(bench.isIdle).toBe(true);
    expect(bench.begun).toHaveLength(1);
    bench.pass(50 * MINUTE_MS);
    await vi.waitFor(() => expect(bench.begun).toHaveLength(2));
  });

  test("that were years ahead do not silence it for years", async () => {
    bench.declare("nightly", hourly);
    await bench.start();
    bench.now += 3 * 365 * 24 * HOUR_MS;
    bench.pass(0);
    bench.now = START;
    bench.pass(0);
    bench.hour();
    await vi.waitFor(() => expect(bench.begun).toHaveLength(1));
    expect(bench.of("schedule.missed")).toEqual([expect.objectContaining({ count: 1000 })]);
  });
});

describe("after a boot", () => {
  test("it runs once, counted from the boot, also where the agent came later", async () => {
    bench.declare("settle", { atBoot: "5m" });
    bench.uptimeMs = MINUTE_MS;
    await bench.start();
    expect(bench.isIdle).toBe(true);
    expect(bench.begun).toHaveLength(0);
    await bench.died();
    [bench.bootId, bench.uptimeMs] = ["boot-2", 20 * MINUTE_MS];
    await bench.start();
    await bench.ends(0);
    await bench.died();
    await bench.start();
    bench.pass(HOUR_MS);
    expect(bench.begun).toHaveLength(1);
    expect(bench.of("schedule.missed")).toEqual([]);
  });

  test("one that is new on a machine that has been up for long waits for the next boot", async () => {
    bench.declare("settle", { atBoot: "5m" });
    await bench.start();
    bench.pass(HOUR_MS);
    expect(bench.isIdle).toBe(true);
    expect(bench.begun).toHaveLength(0);
  });
});

describe("an agent that stopped in the middle", () => {
  test.each([
    ["is told as failed, and does not run again by itself", "test.ping", 1],
    ["runs again where it can be taken up and was to be made up for", "test.sleep", 2],
  ])("%s", async (_title, name, runs) => {
    bench.declare("nightly", {
      ...hourly,
      function: name,
      ...(name === "test.sleep" && { args: { seconds: 1 } }),
      catchUp: "once",
    });
    await bench.start();
    bench.hour();
    await vi.waitFor(() => expect(bench.begun).toHaveLength(1));
    await bench.died();
    expect(bench.told).toEqual([]);
    await bench.start();
    expect(bench.of("schedule.ran")).toEqual([
      expect.objectContaining({ status: "failed", comment: "the agent stopped while it ran" }),
    ]);
    await vi.waitFor(() => expect(bench.begun).toHaveLength(runs));
  });
});

test("a file that cannot be read is as none: everything begins anew", async () => {
  bench.declare("nightly", hourly);
  await writeFile(bench.path, '{"nightly":{"dealt');
  await bench.start();
  expect(bench.told).toEqual([]);
  bench.hour();
  await vi.waitFor(() => expect(bench.begun).toHaveLength(1));
});
