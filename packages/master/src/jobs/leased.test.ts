/** A job that holds a lease ends by the master's word only when its node cannot be at it any more. */
import { newJobId } from "@boma/protocol";
import { afterEach, beforeEach, expect, test, vi } from "vitest";

import { leaseEnding } from "./endings.ts";
import type { JobRecord } from "./job-record.ts";
import type { JobWorld } from "./job-world.ts";
import { Job } from "./job.ts";

const NODE = { key: `U${"A".repeat(55)}`, id: "a" };
const TIMEOUT_MS = 60_000;

beforeEach(() => vi.useFakeTimers());
afterEach(() => vi.useRealTimers());

function jobWith(lease: string | undefined) {
  const createdAt = Date.now();
  const orders: number[] = [];
  const withdrawn: string[] = [];
  const record: JobRecord = {
    job: newJobId(createdAt),
    function: "maintenance.run",
    args: {},
    target: "a",
    operator: "alice",
    effect: "write",
    test: false,
    createdAt,
    timeoutMs: TIMEOUT_MS,
    expiresAt: createdAt,
    nodes: 1,
    state: "open",
    ...(lease !== undefined && { lease }),
  };
  const world: JobWorld = {
    connected: () => true,
    callOut: () => false,
    deliver: async (_key, { expiresAt }) => void orders.push(expiresAt - Date.now()),
    remind: async () => undefined,
    withdraw: async (key) => void withdrawn.push(key),
    keep: async (_job, _key, ending) => ending,
    close: async () => undefined,
    now: Date.now,
    readUntil: Date.now,
    broken: (error) => {
      throw error;
    },
  };
  const job = new Job(record, [NODE], world);
  job.start();
  const status = () => job.courses.get(NODE.key)!.status;
  return { job, orders, withdrawn, status };
}

const begin = { accepted: true, lines: [], dropped: 0, steps: [] };

test("its node begins within seconds or never, and not for as long as it might run", async () => {
  const { orders } = jobWith("d");
  expect(orders).toEqual([30_000]);
  expect(jobWith(undefined).orders).toEqual([TIMEOUT_MS]);
});

test("a cancel that its node does not answer ends it when its time is over for certain, and no sooner", async () => {
  const { job, status } = jobWith("d");
  job.progress(NODE.key, begin);
  await job.cancel();
  // The last moment to begin, all the time that it has, and what a node takes to stop.
  await vi.advanceTimersByTimeAsync(30_000 + TIMEOUT_MS + 15_000);
  expect(status()).toBe("running");
  await vi.advanceTimersByTimeAsync(10_000);
  expect(status()).toBe("cancelled");
});

test("one without a lease ends soon after it was cancelled", async () => {
  const { job, status } = jobWith(undefined);
  job.progress(NODE.key, begin);
  await job.cancel();
  await vi.advanceTimersByTimeAsync(11_000);
  expect(status()).toBe("cancelled");
});

test("one whose node is lost is waited for until it cannot be at it any more", async () => {
  const { job, status } = jobWith("d");
  job.presence(NODE.key, false);
  await vi.advanceTimersByTimeAsync(30_000 + TIMEOUT_MS + 15_000);
  expect(["sent", "running"]).toContain(status());
  await vi.advanceTimersByTimeAsync(10_000);
  expect(status()).toBe("timeout");
});

test("one whose node is given up ends at once, cancelled before or not, and its node is told to stop", async () => {
  const ending = leaseEnding("d", "alice", "it burnt");
  for (const before of ["running", "cancelled"]) {
    const { job, status, withdrawn } = jobWith("d");
    job.progress(NODE.key, begin);
    if (before === "cancelled") await job.cancel();
    expect(status()).toBe("running");
    await job.cancel(ending);
    expect(status()).toBe("timeout");
    await vi.advanceTimersByTimeAsync(0);
    expect(job.record.closedAt).toBeDefined();
    expect(withdrawn.length).toBeGreaterThan(0);
  }
});
