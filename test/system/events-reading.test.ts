// Goal: events are read by kind, target, place and number; what is lost is told; a name keeps its place.
// Method: a real master and bus, and the command line as a user types it.
import { newSession, type SequencedEvent } from "@boma/protocol";
import { jetstreamManager } from "@nats-io/jetstream";
import type { NatsConnection } from "nats";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { Client } from "../../packages/master/src/client/client.ts";
import { homeAt } from "../../packages/master/src/home.ts";
import { readOperatorFile } from "../../packages/master/src/operator-file.ts";
import { Fleet, type ToldEvent } from "../support/fleet.ts";
import { busOwner } from "../support/hostile.ts";

let fleet: Fleet;
let owner: NatsConnection;
beforeAll(async () => {
  fleet = await Fleet.start();
  owner = await busOwner(fleet);
  await fleet.agent("web", { env: "dev" });
  await fleet.agent("db", { env: "prod" });
  await fleet.ok("run", "*", "test.ping");
});
afterAll(async () => {
  await owner?.close();
  await fleet?.[Symbol.asyncDispose]();
});

const list = async (...words: string[]) => (await fleet.json<ToldEvent[]>("events", ...words)).value;
const lines = (text: string): ToldEvent[] =>
  text
    .split("\n")
    .filter((line) => line.startsWith("{"))
    .map((line) => JSON.parse(line) as ToldEvent);
const lastSequence = async () => (await list()).at(-1)!.sequence;

describe("events are read", () => {
  test("by several patterns at once, in their order", async () => {
    const found = await list("node.enrolled", "job.*");
    expect(new Set(found.map(({ kind }) => kind))).toEqual(
      new Set(["node.enrolled", "job.started", "job.returned", "job.finished"]),
    );
    expect(found.map(({ sequence }) => sequence)).toEqual(
      found.map(({ sequence }) => sequence).toSorted((a, b) => a - b),
    );
  });

  test("only about the nodes that match a target, and none that is about no node", async () => {
    const found = await list("--target", "env:dev");
    expect(new Set(found.map(({ id }) => id))).toEqual(new Set(["web"]));
    expect(found.map(({ kind }) => kind)).toContain("job.returned");
    expect(await list("--target", "nobody-*")).toEqual([]);
  });

  test("so many and no more, and from a number on without a gap", async () => {
    const all = await list();
    const first = await list("--limit", "3");
    expect(first).toEqual(all.slice(0, 3));
    const next = String(first.at(-1)!.sequence + 1);
    expect(await list("--limit", "2", "--since", next)).toEqual(all.slice(3, 5));
  });

  test("to their end, and no further, when nobody follows", async () => {
    expect(await list("drift.found")).toEqual([]);
    expect(await list("--since", String((await lastSequence()) + 1))).toEqual([]);
  });

  test.for([
    [["events", "job.retruned", "node.*"], "usage/argument", /Did you mean job\.returned/],
    [["events", "--target", "env:"], "target/syntax", /target/],
    [["events", "--limit", "none"], "usage/argument", /--limit none/],
    [["events", "--durable", "Not A Name"], "master/request", /durable/],
    [["events", "--since", "99999999"], "events/position", /there is no event 99999998/],
    [["events", "forget", "nobody"], "events/durable", /no durable reader nobody/],
  ] as const)("not as %j: that is %s", async ([words, code, says]) => {
    const { code: exit, stderr } = await fleet.run(...words);
    expect(stderr).toMatch(says);
    expect(stderr).toContain(`error[${code}]`);
    expect(exit).toBe(2);
  });
});

describe("a durable reader", () => {
  test("begins now, goes on where it stood, and is listed until it is forgotten", async () => {
    expect(lines(await fleet.ok("events", "job.*", "--json", "--durable", "first"))).toEqual([]);
    await fleet.ok("run", "web", "test.ping");
    const kinds = ["job.started", "job.returned", "job.finished"];
    expect(
      lines(await fleet.ok("events", "job.*", "--json", "--durable", "first")).map(({ kind }) => kind),
    ).toEqual(kinds);
    expect(lines(await fleet.ok("events", "job.*", "--json", "--durable", "first"))).toEqual([]);
    const { value } = await fleet.json<{ name: string; owner: string; behind: number }[]>(
      "events",
      "durables",
    );
    expect(value).toMatchObject([{ name: "first", kind: "operator", owner: "local", patterns: ["job.*"] }]);
    await fleet.ok("events", "forget", "first");
    expect((await fleet.json("events", "durables")).value).toEqual([]);
  });

  test("begins where it is told to, the first time only", async () => {
    const [event] = await list("job.started");
    const read = async (since: string) =>
      lines(await fleet.ok("events", "job.started", "--json", "--durable", "since", "--since", since));
    expect((await read(String(event!.sequence)))[0]).toEqual(event);
    expect(await read("1")).toEqual([]);
  });

  test("is not the next one's: what a second process takes over, the first one loses, and says so", async () => {
    await using one = fleet.spawn("events", "job.*", "--follow", "--json", "--durable", "taken");
    await fleet.json<unknown[]>("events", "durables").then(async function again({ value }): Promise<void> {
      if (!JSON.stringify(value).includes('"taken"')) return again(await fleet.json("events", "durables"));
    });
    await using two = fleet.spawn("events", "job.*", "--follow", "--json", "--durable", "taken");
    const { code, stdout, stderr } = await one.ended;
    expect({ code, stdout: lines(stdout) }).toMatchObject({ code: 1 });
    expect(stderr).toContain("events/taken-over");
    await fleet.ok("run", "web", "test.ping");
    expect(JSON.parse(await two.line(/job\.finished/))).toMatchObject({ kind: "job.finished" });
  });

  test("has a name of its own operator, which another operator can neither use nor remove", async () => {
    const file = `${fleet.dir}/other.json`;
    await fleet.ok("operator", "add", "other", "--events", "job.*", "--out", file);
    await fleet.ok("events", "job.*", "--json", "--durable", "mine");
    for (const words of [
      ["job.*", "--durable", "mine"],
      ["forget", "mine"],
    ]) {
      const { code, stderr } = await fleet.run("events", ...words, "--operator", file);
      expect(stderr).toContain("events/durable");
      expect(code).toBe(2);
    }
    expect((await fleet.json("events", "durables", "--operator", file)).value).toEqual([]);
  });
});

describe("what a reader may not miss", () => {
  test("and the stream dropped, is told: on stderr, as a line of JSON, and as an event", async () => {
    await fleet.ok("events", "*", "--json", "--durable", "slow");
    await fleet.ok("run", "*", "test.ping");
    const end = await lastSequence();
    await (await jetstreamManager(owner)).streams.purge("EVENTS", { seq: end });
    await fleet.ok("run", "web", "test.ping");
    const { stdout, stderr } = await fleet.run("events", "*", "--json", "--durable", "slow");
    expect(stderr).toMatch(/lost: \d+ events were dropped/);
    const [gap, first] = lines(stdout) as unknown as [{ lost: number; sequence: number }, ToldEvent];
    expect(gap).toMatchObject({ sequence: end - 1 });
    expect(gap.lost).toBeGreaterThan(0);
    expect(first.sequence).toBe(end);
    // What else reads the stream misses the same, and is told of as well.
    const told = (await list("subscriber.behind")).filter(({ data }) => data["subscriber"] === "slow");
    expect(told).toHaveLength(1);
    expect(told[0]!.data).toEqual({ subscriber: "slow", lost: gap.lost, until: end - 1 });
    expect((await fleet.run("events", "*", "--json", "--durable", "slow")).stderr).not.toContain("lost");
  });

  test("does not grow where nothing that fits was dropped: a reader of rare kinds keeps up with the stream", async () => {
    await fleet.ok("events", "operator.removed", "--json", "--durable", "rare");
    await fleet.ok("run", "*", "test.ping");
    await fleet.ok("events", "operator.removed", "--json", "--durable", "rare");
    await (await jetstreamManager(owner)).streams.purge("EVENTS", { seq: await lastSequence() });
    const { stderr } = await fleet.run("events", "operator.removed", "--json", "--durable", "rare");
    expect(stderr).toBe("");
  });

  test("is not kept from it by an event that cannot be read", async () => {
    await fleet.ok("events", "job.*", "--json", "--durable", "damaged");
    owner.publish("boma.evt.-.-.job.finished", "no event at all");
    await owner.flush();
    const { value } = await fleet.json<{ job: string }>("run", "web", "test.ping");
    const { stdout, stderr } = await fleet.run("events", "job.*", "--json", "--durable", "damaged");
    expect(stderr).toMatch(/lost: 1 events/);
    expect(
      lines(stdout)
        .filter(({ job }) => job === value.job)
        .map(({ kind }) => kind),
    ).toContain("job.finished");
  });
});

describe("the master", () => {
  const asLocal = () => Client.connect(readOperatorFile(homeAt(fleet.home)));
  const ask = (client: Client, more: object) =>
    client.ask<{ events: SequencedEvent[]; position: number; last: number }>("events.next", {
      patterns: ["*"],
      start: { from: "first" },
      limit: 1000,
      waitMs: 0,
      session: newSession(),
      ...more,
    });

  test("keeps more readers apart than it holds, and each gets every event once, in order", async () => {
    await using client = await asLocal();
    for (let at = 0; at < 5; at++) await fleet.ok("run", "*", "test.ping");
    const { last } = await ask(client, {});
    const all = async (session: string) => {
      const seen: number[] = [];
      for (let after = 0; after < last;) {
        const { events, position } = await ask(client, {
          session,
          limit: 7,
          start: after === 0 ? { from: "first" } : { after },
        });
        seen.push(...events.map(({ sequence }) => sequence));
        after = position;
      }
      return seen.filter((sequence) => sequence <= last);
    };
    const [first, ...others] = await Promise.all(Array.from({ length: 300 }, () => all(newSession())));
    expect(first!.length).toBeGreaterThan(20);
    expect(first).toEqual(first!.toSorted((a, b) => a - b));
    for (const other of others) expect(other).toEqual(first);
  });
});
