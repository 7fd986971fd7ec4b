import { afterEach, expect, test, vi } from "vitest";

import type { Bus } from "../bus.ts";
import type { Connection } from "../connection.ts";
import { acknowledged, memoryBus } from "../testing/support.ts";
import { roughLine } from "./rough-line.ts";

afterEach(() => vi.useRealTimers());

const over = (bus: Bus): Connection & { readonly drops: () => number; readonly end: () => void } => {
  const closed = Promise.withResolvers<void>();
  let drops = 0;
  return {
    bus,
    server: "memory",
    probe: () => Promise.resolve(),
    drop: () => void drops++,
    closed: closed.promise,
    close: () => Promise.resolve(),
    drops: () => drops,
    end: () => closed.resolve(),
  };
};

const smooth = { latencyMs: 0, lossPercent: 0, flapMs: 0 };
const asked = (bus: Bus): Promise<unknown> => bus.request("a", new Uint8Array(), { timeoutMs: 1 });

/** Says these numbers, one after the other. */
const chance = (...said: number[]) => {
  const left = [...said];
  return () => left.shift() ?? 1;
};

test("what is lost on its way is never sent, and what is answered in vain was taken; who asked hears the same of both", async () => {
  const bus = memoryBus();
  const rough = roughLine(over(bus), { ...smooth, lossPercent: 50 }, chance(0, 1, 0, 1, 1)).bus;
  await expect(asked(rough)).rejects.toThrow("no answer");
  expect(bus.sent).toHaveLength(0);
  await expect(asked(rough)).rejects.toThrow("no answer");
  expect(bus.sent).toHaveLength(1);
  expect(await asked(rough)).toBe(acknowledged);
});

test("with latency nothing comes at once, and nothing overtakes", async () => {
  let push: (data: Uint8Array) => void = () => undefined;
  const bus = { ...memoryBus(), subscribe: (_: string, receive: typeof push) => void (push = receive) };
  const rough = roughLine(over(bus), { ...smooth, latencyMs: 5 }).bus;
  const received: number[] = [];
  rough.subscribe("mail", ([first]) => void received.push(first!));
  for (const number of [1, 2, 3]) push(Uint8Array.of(number));
  const answer = asked(rough);
  expect([received, bus.sent]).toEqual([[], []]);
  expect(await answer).toBe(acknowledged);
  await vi.waitFor(() => expect(received).toEqual([1, 2, 3]));
});

test("a connection drops again and again until it is closed, and then no more", async () => {
  vi.useFakeTimers();
  const connection = over(memoryBus());
  roughLine(connection, { ...smooth, flapMs: 1000 }, () => 0.5);
  vi.advanceTimersByTime(3500);
  expect(connection.drops()).toBe(3);
  connection.end();
  await connection.closed;
  vi.advanceTimersByTime(10_000);
  expect(connection.drops()).toBe(3);
});
