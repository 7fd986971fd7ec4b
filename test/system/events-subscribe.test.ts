// Goal: another program reads events through `subscribe`: typed, at least once, over restarts, and it is told what it lost.
// Method: the API itself, against a real master and bus.
import { join } from "node:path";

import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { type Delivered, subscribe } from "../../packages/master/src/client/subscribe.ts";
import { Fleet } from "../support/fleet.ts";

let fleet: Fleet;
let operator: string;
beforeAll(async () => {
  fleet = await Fleet.start();
  operator = join(fleet.home, "operator.json");
  await fleet.agent("web");
});
afterAll(() => fleet?.[Symbol.asyncDispose]());

const ping = () => fleet.ok("run", "web", "test.ping");

/** The first events of a subscription, done or not. */
async function take<E extends Delivered>(count: number, events: AsyncIterable<E>, done = true): Promise<E[]> {
  const taken: E[] = [];
  for await (const event of events) {
    taken.push(event);
    if (done) await event.done();
    if (taken.length === count) break;
  }
  return taken;
}
const sequences = (events: readonly Delivered[]) => events.map(({ sequence }) => sequence);

describe("subscribe", () => {
  test("gives events with the data of the kinds that were asked for", async () => {
    await ping();
    const events = subscribe({ operator, patterns: ["job.returned"], since: "1h" });
    const [event] = await take(1, events);
    // These two compile only because the kind is known.
    const status: string = event!.data.status;
    expect(status).toBe("ok");
    // @ts-expect-error a return has no target.
    expect(event!.data.target).toBeUndefined();
    const [family] = await take(1, subscribe({ operator, patterns: ["job.*"], since: "1h" }));
    if (family!.kind === "job.started") expect(family!.data.target).toBe("web");
    // @ts-expect-error a node's event is none of a job's.
    expect(family!.kind === "node.connected").toBe(false);
  });

  test("brings again what was not done, and nothing that was", async () => {
    const asked = { operator, patterns: ["job.*"], durable: "again" } as const;
    const ended = new AbortController();
    ended.abort();
    await take(3, subscribe({ ...asked, since: "1h" }), false);
    const [first, second] = await take(2, subscribe(asked));
    expect(first!.kind).toBe("job.started");
    const third = await take(1, subscribe(asked), false);
    expect(third[0]!.sequence).toBeGreaterThan(second!.sequence);
    expect(sequences(await take(1, subscribe(asked), false))).toEqual(sequences(third));
    expect(await take(1, subscribe({ ...asked, signal: ended.signal }))).toEqual([]);
  });

  test("does not go past an event that is not done yet, though later ones are", async () => {
    await ping();
    const asked = { operator, patterns: ["job.*"], durable: "order" } as const;
    const seen: number[] = [];
    for await (const event of subscribe({ ...asked, since: 1 })) {
      seen.push(event.sequence);
      if (seen.length > 1) await event.done();
      if (seen.length === 4) break;
    }
    expect(sequences(await take(4, subscribe(asked), false))).toEqual(seen);
  });

  test("lets go, with the end of the loop, of what was said to be done without waiting", async () => {
    await ping();
    const asked = { operator, patterns: ["job.*"], durable: "unawaited" } as const;
    const seen: number[] = [];
    for await (const event of subscribe({ ...asked, since: 1 })) {
      void event.done();
      seen.push(event.sequence);
      if (seen.length === 5) break;
    }
    const [next] = await take(1, subscribe(asked), false);
    expect(next!.sequence).toBeGreaterThan(seen.at(-1)!);
  });

  test("goes on over a restart of master and bus, and tells that they were away", async () => {
    const away: (string | undefined)[] = [];
    const { value: all } = await fleet.json<{ sequence: number }[]>("events");
    const stop = new AbortController();
    const events = subscribe({
      operator,
      patterns: ["token.created"],
      since: all.at(-1)!.sequence + 1,
      durable: "restart",
      signal: stop.signal,
      onAway: (why) => away.push(why),
    });
    await fleet.ok("token", "create");
    const first = await events.next();
    await (first.value as Delivered).done();
    const second = events.next();
    await fleet.master.stop("SIGKILL");
    await expect.poll(() => away.length, { timeout: 20_000 }).toBe(1);
    await fleet.serve();
    await fleet.ok("token", "create");
    expect(((await second).value as Delivered).sequence).toBeGreaterThan((first.value as Delivered).sequence);
    await expect.poll(() => away).toEqual([expect.any(String), undefined]);
    const last = events.next();
    stop.abort();
    expect(await last).toEqual({ value: undefined, done: true });
  });

  test("ends when its operator is removed, instead of waiting for ever", async () => {
    const file = join(fleet.dir, "gone.json");
    await fleet.ok("operator", "add", "gone", "--events", "token.*", "--out", file);
    const events = subscribe({ operator: file, patterns: ["token.created"], since: "1h" });
    await events.next();
    await fleet.ok("operator", "remove", "gone");
    await expect(take(100, events)).rejects.toMatchObject({ code: "bus/refused" });
  });

  test("ends where another process takes its name, and where a pattern means nothing", async () => {
    const asked = { operator, patterns: ["job.*"], durable: "one", since: 1 } as const;
    const one = subscribe(asked);
    const { value } = await one.next();
    await take(1, subscribe(asked), false);
    await expect((value as Delivered).done()).rejects.toMatchObject({ code: "events/taken-over" });
    await expect(take(1, subscribe({ operator, patterns: ["job.retruned"] }))).rejects.toThrow(
      "no kind of event fits",
    );
  });
});
