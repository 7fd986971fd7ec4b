// Goal: the master knows at once who is connected and who has gone, from the server's own mouth.
// Method: real agents come and go on a real server; each test waits for the event it expects.

import { answerNonce, newNkey } from "@boma/protocol";
import { connect, type NatsConnection } from "nats";
import { describe, expect, test } from "vitest";

import { connectMaster } from "../../packages/master/src/bus/connect.ts";
import type { Connection } from "../../packages/master/src/bus/connection-list.ts";
import { type Presence, watchPresence } from "../../packages/master/src/bus/presence.ts";
import {
  type BusTrust,
  issueAgentCredential,
  issueSystemUser,
  watchedAccounts,
} from "../../packages/master/src/bus/trust.ts";
import { Fleet } from "../support/fleet.ts";
import { trustOf } from "../support/hostile.ts";
import { NatsCluster } from "../support/nats-cluster.ts";
import { nameOf, serverPrograms, startTestBus, type TestBus } from "../support/nats.ts";

interface Seen {
  readonly presence: Presence;
  readonly ups: string[];
  readonly downs: { readonly key: string; readonly reason: string }[];
  readonly duplicates: (readonly Connection[])[];
}

type Watchable = Pick<TestBus, "trust"> & Partial<Pick<TestBus, "sys">>;

async function watched(bus: Watchable, system = bus.sys!()): Promise<Seen> {
  const ups: string[] = [];
  const downs: { key: string; reason: string }[] = [];
  const duplicates: (readonly Connection[])[] = [];
  const accounts = watchedAccounts(bus.trust);
  const presence = await watchPresence(
    await system,
    { accounts, siteOf: () => undefined },
    {
      onUp: ({ key }) => void ups.push(key),
      onDown: ({ key }, reason) => void downs.push({ key, reason }),
      onDuplicate: (connections) => void duplicates.push(connections),
    },
  );
  return { presence, ups, downs, duplicates };
}

const soon = { timeout: 5_000, interval: 2 };

describe.for(serverPrograms.map((program) => [nameOf(program), program] as const))("%s", ([, program]) => {
  test("a connect and a disconnect are named as they happen", async () => {
    await using bus = await startTestBus({ program });
    const seen = await watched(bus);
    const agent = await bus.agent();
    await expect.poll(() => seen.ups, soon).toEqual([agent.key]);
    expect(seen.presence.connected(agent.key)).toBe(true);
    expect(seen.presence.connections(agent.key)).toMatchObject([{ key: agent.key, ip: "127.0.0.1" }]);
    expect(Math.abs(seen.presence.connections(agent.key)[0]!.startedAt - Date.now())).toBeLessThan(60_000);
    await agent.connection.close();
    await expect.poll(() => seen.downs, soon).toEqual([{ key: agent.key, reason: "Client Closed" }]);
    expect(seen.presence.connected(agent.key)).toBe(false);
    expect(seen.presence.keys()).toEqual([]);
    seen.presence.close();
  });

  test("masters, operators and strangers who enrol are not taken for nodes", async () => {
    await using bus = await startTestBus({ program });
    const seen = await watched(bus);
    await bus.operator();
    await bus.enrolUser();
    await bus.ctrl();
    await seen.presence.refresh();
    expect(seen.ups).toEqual([]);
    const agent = await bus.agent();
    await expect.poll(() => seen.ups, soon).toEqual([agent.key]);
    seen.presence.close();
  });

  test("two live connections of one key are a duplicate, and the node is up until both have gone", async () => {
    await using bus = await startTestBus({ program });
    const seen = await watched(bus);
    const nkey = newNkey.user();
    const first = await bus.agent(nkey);
    const second = await bus.agent(nkey);
    await expect.poll(() => seen.duplicates, soon).toHaveLength(1);
    expect(seen.duplicates[0]!.map(({ key }) => key)).toEqual([nkey.publicKey, nkey.publicKey]);
    expect(new Set(seen.duplicates[0]!.map(({ cid }) => cid)).size).toBe(2);
    await first.connection.close();
    await expect.poll(() => seen.presence.connections(nkey.publicKey), soon).toHaveLength(1);
    expect(seen.downs).toEqual([]);
    await second.connection.close();
    await expect.poll(() => seen.downs, soon).toHaveLength(1);
    expect(seen.ups).toEqual([nkey.publicKey]);
    seen.presence.close();
  });

  test("who was there before the watch began is seen", async () => {
    await using bus = await startTestBus({ program });
    const agents = await Promise.all(Array.from({ length: 5 }, () => bus.agent()));
    const seen = await watched(bus);
    expect([...seen.presence.keys()].sort()).toEqual(agents.map(({ key }) => key).sort());
    seen.presence.close();
  });

  test("more nodes than one page lists are all seen", async () => {
    await using bus = await startTestBus({ program });
    const keys = new Set<string>();
    for (let i = 0; i < 11; i++) {
      const some = await Promise.all(Array.from({ length: 50 }, () => bus.agent()));
      for (const { key } of some) keys.add(key);
    }
    const { presence } = await watched(bus);
    expect(keys.size).toBe(550);
    expect(new Set(presence.keys())).toEqual(keys);
    presence.close();
  });

  test("after the server came back, who left meanwhile is down and who returned is up", async () => {
    await using bus = await startTestBus({ program });
    const system = await bus.sys();
    const seen = await watched(bus, Promise.resolve(system));
    const stays = await bus.agent(newNkey.user(), {
      reconnect: true,
      maxReconnectAttempts: -1,
      reconnectTimeWait: 50,
    });
    const leaves = await bus.agent();
    await expect.poll(() => seen.ups, soon).toHaveLength(2);
    const before = seen.presence.connections(stays.key)[0]!;
    bus.kill();
    await expect
      .poll(() => seen.presence.connections(stays.key)[0]?.serverId ?? before.serverId, { timeout: 20_000 })
      .not.toBe(before.serverId);
    expect(seen.presence.connections(stays.key)).toHaveLength(1);
    await expect.poll(() => seen.presence.connected(leaves.key), soon).toBe(false);
    expect(seen.downs.map(({ key }) => key)).toContain(leaves.key);
    // Events still flow on the new connection.
    await stays.connection.close();
    await expect.poll(() => seen.presence.connected(stays.key), soon).toBe(false);
    seen.presence.close();
  });

  test("a comparison that runs while nodes come and go invents and loses none", async () => {
    await using bus = await startTestBus({ program });
    const seen = await watched(bus);
    const compare = (async () => {
      for (let i = 0; i < 40; i++) await seen.presence.refresh();
    })();
    const gone: string[] = [];
    for (let i = 0; i < 30; i++) {
      const agent = await bus.agent();
      await agent.connection.close();
      gone.push(agent.key);
    }
    const last = await bus.agent();
    await compare;
    await expect.poll(() => seen.presence.keys(), soon).toEqual([last.key]);
    // A list may tell of an end before its event does; what counts is that each is told once, and none for who is there.
    expect(seen.downs.map(({ key }) => key)).toEqual(gone);
    expect(seen.ups).toEqual([...gone, last.key]);
    seen.presence.close();
  });

  test("a server whose answer comes after as many as were counted is asked by name, and its nodes stay", async () => {
    await using fleet = await Fleet.prepare();
    const config = await fleet.ok("init", "--print-nats-config");
    await using cluster = await NatsCluster.start({ config, count: 2, program: program.path });
    const trust = trustOf(fleet);
    await using system = await connectMaster(cluster.url, await issueSystemUser(trust));
    const seen = await watched({ trust }, Promise.resolve(countingOne(system)));
    const nodes = await Promise.all(cluster.urls.map((url) => nodeAt(url, trust)));
    await expect.poll(() => seen.ups.length, soon).toBe(2);
    for (let again = 0; again < 5; again++) await seen.presence.refresh();
    expect([seen.downs, seen.presence.keys().length]).toEqual([[], 2]);
    // One that is really gone is, whoever else answers.
    await cluster.kill(1);
    await expect.poll(async () => (await seen.presence.refresh(), seen.presence.keys().length)).toBe(1);
    seen.presence.close();
    for (const node of nodes) await node.close();
  });
});

/** A server that has just come is not counted yet: as if there were always one less. */
const countingOne = (system: NatsConnection): NatsConnection =>
  new Proxy(system, {
    get(target, name) {
      if (name === "request")
        return (subject: string, ...rest: [string, { timeout: number }]) =>
          subject === "$SYS.REQ.SERVER.PING"
            ? Promise.resolve({ json: () => ({ statsz: { active_servers: 1 } }) })
            : target.request(subject, ...rest);
      const value = Reflect.get(target, name) as unknown;
      return typeof value === "function" ? (value.bind(target) as unknown) : value;
    },
  });

async function nodeAt(url: string, trust: BusTrust): Promise<NatsConnection> {
  const nkey = newNkey.user();
  const jwt = await issueAgentCredential(trust, { name: "agent", publicKey: nkey.publicKey });
  return connect({ servers: url, authenticator: answerNonce(nkey, () => jwt), reconnect: false });
}
