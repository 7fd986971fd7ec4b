import { type Call, functions } from "@boma/states/core";
import { expect, test } from "vitest";

import { slowFunctions } from "./slow-functions.ts";

const ping = functions["test.ping"]!;
const call = (signal: AbortSignal) => ({ signal }) as Call;

test("a slow function ends as it would have, later, and not at all when it is cancelled while it waits", async () => {
  const order: string[] = [];
  const slow = slowFunctions({ "test.ping": ping }, 20)["test.ping"]!;
  const never = new AbortController();
  const late = slow.run({}, call(never.signal)).then(() => order.push("slow"));
  await ping.run({}, call(never.signal)).then(() => order.push("quick"));
  await late;
  expect(order).toEqual(["quick", "slow"]);
  const cancelled = AbortSignal.abort();
  await expect(slow.run({}, call(cancelled))).rejects.toThrow();
});
