/** How long a job waits for whom, by the clock of the test. */
import { ACCEPT_MS, newJobId } from "@boma/protocol";
import { afterEach, beforeEach, expect, test, vi } from "vitest";

import type { Ending } from "./course.ts";
import type { JobRecord } from "./job-record.ts";
import type { JobWorld } from "./job-world.ts";
import { Job } from "./job.ts";

const TIMEOUT_MS = 30_000;
const key = (letter: string): string => `U${letter.repeat(55)}`;

beforeEach(() => vi.useFakeTimers());
afterEach(() => vi.useRealTimers());

/** A read on these nodes, whose orders arrive at the bus when the test says so. */
function jobOn(
  ids: readonly string[],
  {
    isForAll = false,
    begun,
    readUntil = Date.now,
    ...more
  }: Partial<JobRecord> & { isForAll?: boolean; begun?: readonly string[]; readUntil?: () => number } = {},
) {
  const createdAt = Date.now();
  const deliveries = new Map<string, () => void>();
  const withdrawn: string[] = [];
  const reminded: string[] = [];
  const record: JobRecord = {
    job: newJobId(createdAt),
    function: "test.ping",
    args: {},
    target: "*",
    operator: "alice",
    effect: "read",
    test: false,
    createdAt,
    timeoutMs: TIMEOUT_MS,
    expiresAt: createdAt,
    nodes: ids.length,
    state: "open",
    ...more,
  };
  const world: JobWorld = {
    connected: () => true,
    callOut: () => isForAll,
    deliver: (to) => new Promise((resolve) => deliveries.set(to, () => resolve(undefined))),
    remind: async (to) => void reminded.push(to),
    withdraw: async (to) => void withdrawn.push(to),
    keep: async (_job, _key, ending) => ending,
    close: async () => undefined,
    now: Date.now,
    readUntil,
    broken: (error) => {
      throw error;
    },
  };
  const nodes = ids.map((id) => ({ key: key(id), id }));
  const job = new Job(record, nodes, world);
  if (begun) job.resume(new Map(), new Set(begun.map(key)));
  else job.start();
  return {
    job,
    posted: (id: string) => deliveries.has(key(id)),
    withdrawn,
    reminded,
    callOut: () => isForAll,
    deliver: async (id: string) => {
      deliveries.get(key(id))!();
      await vi.advanceTimersByTimeAsync(0);
    },
    status: (id: string) => job.courses.get(key(id))!.status,
  };
}

const ok: Ending = { status: "ok", ms: 1 };
const begun = { accepted: true, lines: [], dropped: 0, steps: [] };

test("a node is silent from when the bus has its order, however long a master takes that sends to thousands", async () => {
  const { deliver, status } = jobOn(["A", "B"]);
  await vi.advanceTimersByTimeAsync(2 * TIMEOUT_MS);
  expect([status("A"), status("B")]).toEqual(["sent", "sent"]);
  await deliver("A");
  await vi.advanceTimersByTimeAsync(ACCEPT_MS - 1);
  expect(status("A")).toBe("sent");
  await vi.advanceTimersByTimeAsync(100);
  expect([status("A"), status("B")]).toEqual(["timeout", "sent"]);
});

test("a node that began has all of its time from then on, and not what sending it took less", async () => {
  const { job, deliver, status } = jobOn(["A"]);
  await vi.advanceTimersByTimeAsync(TIMEOUT_MS);
  await deliver("A");
  job.progress(key("A"), begun);
  await vi.advanceTimersByTimeAsync(TIMEOUT_MS);
  expect(status("A")).toBe("running");
  await vi.advanceTimersByTimeAsync(TIMEOUT_MS);
  expect(status("A")).toBe("timeout");
});

test("who is silent in a later batch is named as soon as in the first, while another one runs", async () => {
  const { job, deliver, status } = jobOn(["A", "B", "C"], { batch: 2 });
  await deliver("A");
  await deliver("B");
  job.progress(key("A"), begun);
  job.progress(key("B"), begun);
  await vi.advanceTimersByTimeAsync(2 * ACCEPT_MS);
  await job.returned(key("B"), ok, new Uint8Array());
  await deliver("C");
  await vi.advanceTimersByTimeAsync(ACCEPT_MS + 100);
  expect([status("A"), status("C")]).toEqual(["running", "timeout"]);
});

test("a cancelled job does not wait for an order that is still on its way", async () => {
  const { job, status } = jobOn(["A"]);
  void job.cancel();
  await vi.advanceTimersByTimeAsync(TIMEOUT_MS);
  expect(status("A")).toBe("timeout");
});

test("a master that was busy for seconds hears what lies unread before it calls anybody silent", async () => {
  const { job, deliver, status } = jobOn(["A", "B"]);
  await deliver("A");
  await deliver("B");
  // Its clock goes on while nothing else does.
  vi.setSystemTime(Date.now() + 5 * ACCEPT_MS);
  await vi.advanceTimersByTimeAsync(ACCEPT_MS);
  expect([status("A"), status("B")]).toEqual(["sent", "sent"]);
  await job.returned(key("A"), ok, new Uint8Array());
  await vi.advanceTimersByTimeAsync(ACCEPT_MS + 100);
  expect([status("A"), status("B")]).toEqual(["ok", "timeout"]);
});

test("who has said something that the master has not read yet is not silent, and neither is his order repeated", async () => {
  const reading = { until: Date.now() };
  const { posted, status } = jobOn(["A"], { isForAll: true, readUntil: () => reading.until });
  await vi.advanceTimersByTimeAsync(5 * ACCEPT_MS);
  expect([status("A"), posted("A")]).toEqual(["sent", false]);
  reading.until = Date.now();
  await vi.advanceTimersByTimeAsync(100);
  expect([status("A"), posted("A")]).toEqual(["sent", true]);
});

test("who did not hear what was called out has it posted after some seconds, however much others say", async () => {
  const { job, posted } = jobOn(["A", "B"], { isForAll: true, timeoutMs: 60_000 });
  const talk = async (ms: number): Promise<void> => {
    for (let passed = 0; passed < ms; passed += 400) {
      job.progress(key("A"), begun);
      await vi.advanceTimersByTimeAsync(400);
    }
  };
  await talk(9_000);
  expect(posted("B")).toBe(false);
  await talk(2_000);
  expect(posted("B")).toBe(true);
});

test("who hears what is called out has no mailbox written; who is silent has, and is named after as long as ever", async () => {
  const { job, deliver, posted, status } = jobOn(["A", "B", "C"], { isForAll: true });
  expect([status("A"), posted("A")]).toEqual(["sent", false]);
  await job.returned(key("A"), ok, new Uint8Array());
  job.progress(key("B"), begun);
  await vi.advanceTimersByTimeAsync(600);
  expect([posted("A"), posted("B"), posted("C")]).toEqual([false, false, true]);
  await deliver("C");
  await vi.advanceTimersByTimeAsync(ACCEPT_MS - 700);
  expect(status("C")).toBe("sent");
  await vi.advanceTimersByTimeAsync(200);
  expect([status("A"), status("B"), status("C")]).toEqual(["ok", "running", "timeout"]);
});

test("who began before a master was put back from a backup is asked for what came of it, where nobody else is told to begin", async () => {
  const { job, posted, reminded, status } = jobOn(["A", "B", "C"], { begun: ["A"], batch: 2 });
  await vi.advanceTimersByTimeAsync(0);
  expect([reminded, posted("A"), posted("B"), posted("C")]).toEqual([[key("A")], false, true, false]);
  await job.returned(key("A"), ok, new Uint8Array());
  expect([status("A"), posted("C")]).toEqual(["ok", true]);
});

test("nobody is posted what was called out while others still answer", async () => {
  const { job, posted } = jobOn(["A", "B", "C", "D"], { isForAll: true });
  for (const id of ["A", "B", "C"]) {
    await vi.advanceTimersByTimeAsync(400);
    await job.returned(key(id), ok, new Uint8Array());
  }
  expect(posted("D")).toBe(false);
  await vi.advanceTimersByTimeAsync(600);
  expect(posted("D")).toBe(true);
});

test("what was called out and is cancelled is withdrawn, and posted to nobody", async () => {
  const { job, posted, status, withdrawn } = jobOn(["A", "B"], { isForAll: true });
  job.progress(key("A"), begun);
  await job.cancel();
  expect(withdrawn).toEqual([key("A"), key("B")]);
  await vi.advanceTimersByTimeAsync(TIMEOUT_MS);
  expect([posted("A"), posted("B")]).toEqual([false, false]);
  expect([status("A"), status("B")]).toEqual(["cancelled", "timeout"]);
});
