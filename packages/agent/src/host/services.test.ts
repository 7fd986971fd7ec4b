import type { UnitStatus } from "@boma/states";
import { memoryHost } from "@boma/states/testing";
import { beforeAll, expect, test } from "vitest";

import { settle } from "./services.ts";

let status: UnitStatus;
beforeAll(async () => {
  const { ports } = memoryHost({ services: { a: { active: true } } });
  // It has been up since the machine was switched on.
  status = { ...(await ports.services.read.status("a")), activeSinceUs: 1 };
});

/** Gives these one after the other, the last one for ever, and counts. */
function looksOf(...seen: readonly Partial<UnitStatus>[]) {
  let looks = 0;
  const look = async (): Promise<UnitStatus> => ({ ...status, ...seen[Math.min(looks++, seen.length - 1)] });
  return { look, count: () => looks };
}

const LONG = 60_000;
const never = new AbortController().signal;

test("a unit that has been up for long is settled at once", async () => {
  const { look, count } = looksOf({});
  expect(await settle(look, { timeoutMs: LONG, stableMs: 3000 }, never)).toMatchObject({ active: "active" });
  expect(count()).toBe(1);
});

test("one on its way is waited for", async () => {
  const { look } = looksOf({ active: "activating" }, { active: "reloading" }, { active: "active" });
  expect(await settle(look, { timeoutMs: LONG }, never)).toMatchObject({ active: "active" });
});

test("one that restarts meanwhile is given back as it is, without waiting for the end of the time", async () => {
  const young = { activeSinceUs: Number.MAX_SAFE_INTEGER };
  const { look, count } = looksOf({ ...young, restarts: 4 }, { ...young, restarts: 5 });
  expect(await settle(look, { timeoutMs: LONG, stableMs: 3000 }, never)).toMatchObject({ restarts: 5 });
  expect(count()).toBe(2);
});

test("one that does not settle is given back when the time is over, and a cancelled call ends", async () => {
  const { look } = looksOf({ active: "activating" });
  expect(await settle(look, { timeoutMs: 0 }, never)).toMatchObject({ active: "activating" });
  await expect(settle(look, { timeoutMs: LONG }, AbortSignal.abort())).rejects.toThrow(/abort/i);
});
