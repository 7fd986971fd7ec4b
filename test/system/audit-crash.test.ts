/** The master is killed again and again while jobs run: the chain holds, and every node's ending is in it exactly once. */
import { readFileSync } from "node:fs";
import { join } from "node:path";

import { afterAll, beforeAll, expect, test } from "vitest";

import { Fleet } from "../support/fleet.ts";
import type { RunDocument } from "../support/run.ts";

let fleet: Fleet;
beforeAll(async () => {
  fleet = await Fleet.start();
  await fleet.emulate(8, "n");
});
afterAll(() => fleet?.[Symbol.asyncDispose]());

interface Entry {
  readonly n: number;
  readonly kind: string;
  readonly job?: string;
  readonly id?: string;
  readonly status?: string;
}

/** How many records of this kind are on the disk. */
const count = (kind: string): number =>
  readFileSync(join(fleet.home, "master/audit/00000001.jsonl"), "utf8").split(`"kind":"${kind}"`).length - 1;

/** The master is killed when there are so many more records of a kind: each time a little further into a job. */
const MOMENTS = [
  ["request", 1],
  ["job", 1],
  ["result", 1],
  ["result", 5],
  ["result", 8],
  ["finished", 1],
] as const;

test("every ending that a job has is in the audit once, whenever the master was killed", async () => {
  for (const [kind, further] of MOMENTS) {
    const until = count(kind) + further;
    const running = fleet.spawn("run", "*", "test.ping", "--json");
    await expect.poll(() => count(kind), { timeout: 30_000, interval: 5 }).toBeGreaterThanOrEqual(until);
    fleet.master.signal("SIGKILL");
    await fleet.master.ended;
    await fleet.serve();
    await running.stop();
  }
  const closed = async () =>
    (await fleet.json<{ state: string }[]>("jobs", "list")).value.every(({ state }) => state !== "open");
  await expect.poll(closed, { timeout: 60_000 }).toBe(true);
  const jobs = (await fleet.json<{ job: string }[]>("jobs", "list")).value;
  const entries = (await fleet.json<Entry[]>("audit", "show")).value;
  for (const { job } of jobs) {
    const { value } = await fleet.json<RunDocument>("jobs", "show", job);
    const recorded = entries.filter((entry) => entry.kind === "result" && entry.job === job);
    expect(recorded).toHaveLength(value.expected.length);
    expect(new Map(recorded.map(({ id, status }) => [id, status]))).toEqual(
      new Map(Object.entries(value.nodes).map(([id, { status }]) => [id, status])),
    );
    expect(entries.filter((entry) => entry.kind === "job" && entry.job === job)).toHaveLength(1);
    expect(entries.filter((entry) => entry.kind === "finished" && entry.job === job)).toHaveLength(1);
  }
  const { value } = await fleet.json<{ ok: boolean; faults: unknown[] }>("audit", "verify");
  expect(value).toMatchObject({ ok: true, faults: [] });
}, 180_000);
