// Goal: what is called out to all is done by each at most once, only when the master said it, and only when it looks.
import {
  Call,
  EVERYBODY,
  type JobOrder,
  newNkey,
  newSigningKey,
  seal,
  type SealOptions,
} from "@boma/protocol";
import { expect, test } from "vitest";

import { receiveCall } from "./call.ts";
import { mailBench, master } from "./testing/mail-bench.ts";
import { order } from "./testing/support.ts";

const call = (one: JobOrder, change: Partial<SealOptions> = {}): Uint8Array =>
  seal(Call, one, { to: EVERYBODY, key: master, ...change });

test("an order is taken once, however often it is heard, and not when it was done or comes by mail as well", async () => {
  const { ports, journal, accepted, codes } = await mailBench();
  const [one, done] = [order(), order()];
  const { job, expiresAt } = done;
  await journal.append(
    { kind: "done", job, expiresAt, id: "id", frame: new Uint8Array([1]) },
    { sync: true },
  );
  for (const again of [one, one, done]) receiveCall(call(again), ports);
  expect([accepted, codes]).toEqual([[one.job], []]);
});

test.each([
  ["another sender's", () => call(order(), { key: newSigningKey() }), "wire/sender"],
  ["one node's", () => call(order(), { to: newNkey.user().publicKey }), "wire/recipient"],
  ["an expired", () => call(order(), { now: 1000, expires: 2000 }), "wire/expired"],
  ["an expiring", () => call(order({ expiresAt: Date.now() + 50 })), "wire/expired"],
  ["a garbled", () => Buffer.from("boma, but not a message"), "wire/version"],
  ["a changing, in the master's own hand,", () => call(order({ function: "cmd.run" })), "wire/schema"],
] as const)("%s call is refused, and the next one is heard", async (_, make, code) => {
  const { ports, accepted, codes } = await mailBench();
  receiveCall(make(), ports);
  receiveCall(call(order()), ports);
  expect([accepted.length, codes]).toEqual([1, [code]]);
});
