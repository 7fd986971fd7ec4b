// Goal: a revoked key is cut at once and stays out, over restarts too, and nobody else notices.
// Method: revocations are pushed to a real server; the order of events is asserted, not their speed.
import { setTimeout as delay } from "node:timers/promises";

import { newNkey, issueScopedUser, subjects } from "@boma/protocol";
import { jetstream } from "@nats-io/jetstream";
import type { NatsConnection } from "nats";
import { describe, expect, test } from "vitest";

import { accountJwts, type Revocations } from "../../packages/master/src/bus/accounts.ts";
import { pushAccount } from "../../packages/master/src/bus/claims.ts";
import {
  createBusTrust,
  issueAgentCredential,
  issueOperatorCredential,
  joinKey,
  parseBusTrust,
  serializeBusTrust,
} from "../../packages/master/src/bus/trust.ts";
import { nameOf, serverPrograms, startTestBus, type TestBus, type TestUser } from "../support/nats.ts";

async function revoke(bus: TestBus, system: NatsConnection, revocations: Revocations): Promise<void> {
  for (const { jwt } of await accountJwts(bus.trust, revocations)) await pushAccount(system, jwt);
}

const refused = (connecting: Promise<TestUser>) =>
  expect(connecting).rejects.toThrow(/authorization violation|authentication revoked/i);

const works = async ({ connection, key }: TestUser): Promise<boolean> => {
  const ack = await jetstream(connection).publish(subjects.inbox(key, "event"), "x");
  return ack.stream === "INBOX";
};

describe.for(serverPrograms.map((program) => [nameOf(program), program] as const))("%s", ([, program]) => {
  test("revoking a node cuts its live connections and refuses its credential; others go on", async () => {
    await using bus = await startTestBus({ program });
    const system = await bus.sys();
    const bad = await bus.agent();
    const good = await bus.agent();
    const second = await bus.agent(bad.nkey);
    const operator = await bus.operator();
    const disturbed: string[] = [];
    for (const { connection } of [good, operator])
      void (async () => {
        for await (const status of connection.status()) disturbed.push(status.type);
      })();

    await revoke(bus, system, { agents: { [bad.key]: Date.now() } });
    const ends = await Promise.all([bad.connection.closed(), second.connection.closed()]);
    expect(ends.map(String).join()).toMatch(/revoked|authorization|authentication/i);
    await refused(bus.connectAs(bad.nkey, bad.jwt));
    expect(await works(good)).toBe(true);
    expect(good.connection.isClosed() || operator.connection.isClosed()).toBe(false);
    expect(disturbed).toEqual([]);
  });

  test("a restarted server still refuses, though its configuration knows of no revocation", async () => {
    await using bus = await startTestBus({ program });
    const bad = await bus.agent();
    const good = await bus.agent();
    await revoke(bus, await bus.sys(), { agents: { [bad.key]: Date.now() } });
    await bad.connection.closed();
    // In a later second a fresh JWT in the configuration would count as newer than the pushed one.
    await delay(1_100);
    await bus.restart();
    await refused(bus.connectAs(bad.nkey, bad.jwt));
    const back = await bus.connectAs(good.nkey, good.jwt);
    expect(await works(back)).toBe(true);
    bus.kill();
    await expect.poll(() => bus.states.filter(({ state }) => state === "running").length).toBe(3);
    await refused(bus.connectAs(bad.nkey, bad.jwt));
  });

  test("a credential issued after the revocation is accepted, the old one is not", async () => {
    await using bus = await startTestBus({ program });
    const old = await bus.agent();
    await revoke(bus, await bus.sys(), { agents: { [old.key]: Date.now() } });
    await old.connection.closed();
    // Seconds are the grain of both times.
    await delay(1_100);
    const renewed = await bus.agent(old.nkey);
    expect(await works(renewed)).toBe(true);
    await refused(bus.connectAs(old.nkey, old.jwt));
  });

  test("an operator's key is revoked in its own account", async () => {
    await using bus = await startTestBus({ program });
    const operator = await bus.operator();
    const other = await bus.operator();
    await revoke(bus, await bus.sys(), { operators: { [operator.key]: Date.now() } });
    await operator.connection.closed();
    await refused(bus.connectAs(operator.nkey, operator.jwt));
    expect(other.connection.isClosed()).toBe(false);
  });

  test("dropping an image's join key shuts that image out, a newer image not", async () => {
    const old = createBusTrust();
    await using bus = await startTestBus({ program, trust: old });
    const stranger = await bus.enrolUser();
    const agent = await bus.agent();
    for (const { name, jwt } of await accountJwts(old, { joinKeys: [2] }))
      if (name === "ENROL") await pushAccount(await bus.sys(), jwt);
    await stranger.connection.closed();
    await refused(bus.connectAs(stranger.nkey, stranger.jwt));
    const account = { publicKey: old.enrol.account.publicKey, signer: joinKey(old.enrol, 2) };
    const user = newNkey.user();
    const jwt = await issueScopedUser({ name: "enrol", publicKey: user.publicKey }, account, 60_000);
    expect((await bus.connectAs(user, jwt)).connection.isClosed()).toBe(false);
    expect(await works(agent)).toBe(true);
  });

  test("what is no account is refused, and an account of another operator lets nobody in", async () => {
    await using bus = await startTestBus({ program });
    const system = await bus.sys();
    await expect(pushAccount(system, "no jwt")).rejects.toMatchObject({ code: "bus/refused" });
    // The server files any account that is well formed; its users stay strangers all the same.
    const foreign = createBusTrust();
    for (const { jwt } of await accountJwts(foreign)) await pushAccount(system, jwt);
    const user = newNkey.user();
    const jwt = await issueAgentCredential(foreign, { name: "x", publicKey: user.publicKey });
    await refused(bus.connectAs(user, jwt));
  });

  test("thousands of revocations travel as one message", async () => {
    await using bus = await startTestBus({ program });
    const bad = await bus.agent();
    const agents: Record<string, number> = { [bad.key]: Date.now() };
    const { publicKey } = newNkey.user();
    for (let i = 0; i < 5_000; i++) agents[someKey(publicKey, i)] = Date.now();
    await revoke(bus, await bus.sys(), { agents });
    await bad.connection.closed();
    await refused(bus.connectAs(bad.nkey, bad.jwt));
  });
});

/** A key-like name that the server has no reason to check. */
const someKey = (key: string, i: number): string =>
  key.slice(0, 40) + i.toString(2).padStart(16, "0").replaceAll("0", "A").replaceAll("1", "B");

test("a trust that was written and read again is the same trust", async () => {
  const trust = createBusTrust();
  const text = serializeBusTrust(trust);
  const read = parseBusTrust(text);
  expect(serializeBusTrust(read)).toBe(text);
  const user = newNkey.user();
  const claims = async (of: typeof trust) => {
    const jwt = await issueOperatorCredential(of, { name: "x", publicKey: user.publicKey });
    return (JSON.parse(Buffer.from(jwt.split(".")[1]!, "base64url").toString()) as { iss: string }).iss;
  };
  expect(await claims(read)).toBe(await claims(trust));
});

test("a trust file that was tampered with is refused without telling its seeds", () => {
  const trust = createBusTrust();
  const text = serializeBusTrust(trust).replace('"version": 1', '"version": 1, "more": true');
  for (const bad of [
    text,
    "{",
    serializeBusTrust(trust).replace(trust.system.seed, trust.system.seed.slice(1)),
  ]) {
    let thrown: unknown;
    try {
      parseBusTrust(bad);
    } catch (error) {
      thrown = error;
    }
    expect(thrown).toMatchObject({ code: "usage/file" });
    expect(String((thrown as Error).message)).not.toContain(trust.control.signer.seed);
  }
});
