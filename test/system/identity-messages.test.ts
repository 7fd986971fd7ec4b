// Goal: a bad message costs itself and one event that names its connection, on either side; a store that somebody
// else wrote into is refused, not believed.
// Method: a plain client with a real node's credential, and a user of the control plane as a hostile bus.
import { readFileSync } from "node:fs";
import { join } from "node:path";

import {
  ApiAnswer,
  Mailbox,
  issueScopedUser,
  newNkey,
  newSigningKey,
  nkeyFromSeed,
  NodeEvent,
  NodeGrains,
  NodeHello,
  newSession,
  open,
  seal,
  signingKey,
  splitManifest,
  subjects,
} from "@boma/protocol";
import { jetstream, jetstreamManager } from "@nats-io/jetstream";
import type { Msg, NatsConnection } from "nats";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { serverTrust } from "../../packages/master/src/bus/accounts.ts";
import { EmbeddedServer } from "../../packages/master/src/bus/server.ts";
import { storageBytesMax } from "../../packages/master/src/bus/streams.ts";
import { parseBusTrust } from "../../packages/master/src/bus/trust.ts";
import { Fleet } from "../support/fleet.ts";
import { asNode, asUser, busOwner, type HeldIdentity, identityOf } from "../support/hostile.ts";

let fleet: Fleet;
let owner: NatsConnection;
beforeAll(async () => {
  fleet = await Fleet.start();
  owner = await busOwner(fleet);
});
afterAll(async () => {
  await owner?.close();
  await fleet?.[Symbol.asyncDispose]();
});

const held = (id: string): HeldIdentity => identityOf(join(fleet.dir, id));
const pings = async (id: string) => (await fleet.run("run", id, "test.ping")).code;
const workingKey = () => {
  const text = readFileSync(join(fleet.home, "master/keys/working.json"), "utf8");
  return signingKey(Buffer.from((JSON.parse(text) as { sign: string }).sign, "base64"));
};
const refusals = async (key: string) =>
  (await fleet.ok("events", "message.refused", "--since", "1h", "--json"))
    .trim()
    .split("\n")
    .filter((line) => line.includes(key)).length;

describe("the master", () => {
  test.for([
    ["garbage", "wire/frame", () => Buffer.from("what is this")],
    ["a message signed with another key", "wire/sender", () => event(newSigningKey(), "master")],
    ["a message for somebody else", "wire/recipient", ({ sign }) => event(sign, "another-master")],
    ["a message of another kind", "wire/kind", ({ sign }) => hello(sign)],
    ["an altered message", "wire/signature", ({ sign }) => altered(event(sign, "master"))],
  ] as const satisfies readonly (readonly [string, string, (from: HeldIdentity) => Uint8Array])[])(
    "refuses %s in its inbox with one event, names the connection, and goes on",
    async ([name, code, make]) => {
      const id = `bad-${code.slice(5)}`;
      await fleet.agent(id);
      const identity = held(id);
      // The agent itself goes, so that the connection that is named can only be the hostile one.
      await fleet.agents.get(id)!.stop();
      const node = await asNode(fleet, identity);
      const { client_id: cid, client_ip: ip } = node.info!;
      const subject = subjects.inbox(identity.nkey.publicKey, "event");
      await fleet.event("node.connected", (told) => told.node === identity.nkey.publicKey);
      node.publish(subject, make(identity));
      const told = await fleet.event("message.refused", (one) => one.data["subject"] === subject);
      expect(told, name).toMatchObject({ id, node: identity.nkey.publicKey });
      expect(told.data).toMatchObject({ code, connections: [`${ip} (connection ${cid})`] });
      await node.close();
      await fleet.restart(id);
      expect(await pings(id)).toBe(0);
      expect(await refusals(identity.nkey.publicKey)).toBe(1);
    },
  );

  const event = (key: HeldIdentity["sign"], to: string) =>
    seal(NodeEvent, { kind: "node.stopping", data: {} }, { to, key });
  const altered = (frame: Uint8Array) => Buffer.from(frame).fill(0, frame.length - 1);
  const hello = (key: HeldIdentity["sign"]) => {
    const facts = { session: newSession(), start: 1, bootId: "", agentVersion: "0", speaks: [1], grains: "" };
    return seal(NodeHello, { ...facts, wantsCredential: true }, { to: "master", key });
  };

  test("names the connection of a stranger whose request to join is no message", async () => {
    await fleet.agent("kit-01");
    const { kit } = held("kit-01");
    const nkey = newNkey.user();
    const account = { publicKey: kit.enrolAccount, signer: nkeyFromSeed(kit.enrolSeed) };
    const jwt = await issueScopedUser({ name: "stranger", publicKey: nkey.publicKey }, account, 60_000);
    const stranger = await asUser(fleet, nkey, jwt);
    stranger.publish(subjects.enrol(nkey.publicKey), "let me in");
    const told = await fleet.event("message.refused", ({ node }) => node === nkey.publicKey);
    const { client_id: cid, client_ip: ip } = stranger.info!;
    expect(told.data).toMatchObject({ code: "wire/frame", connections: [`${ip} (connection ${cid})`] });
    await stranger.close();
  });

  test("answers no hello that another key signed, and nobody else's", async () => {
    await fleet.agent("hello-01");
    const { nkey, credential } = held("hello-01");
    const node = await asNode(fleet, { nkey, credential });
    const ask = node.request(subjects.rpc(nkey.publicKey, "hello"), hello(newSigningKey()), {
      timeout: 2_000,
    });
    await expect(ask).rejects.toThrow(/timeout/i);
    const told = await fleet.event("message.refused", (one) => one.node === nkey.publicKey);
    expect(told.data).toMatchObject({ code: "wire/sender" });
    await node.close();
  });

  test("refuses grains that it took in before newer ones, also after a restart", async () => {
    await fleet.agent("replay-01");
    const { nkey, sign } = held("replay-01");
    const subject = subjects.inbox(nkey.publicKey, "grains");
    const frame = seal(NodeGrains, { revision: "r1", grains: { rack: "A1" } }, { to: "master", key: sign });
    const put = async (data: Uint8Array) => void (await jetstream(owner).publish(subject, data));
    await put(frame);
    await fleet.event("grains.changed", ({ data }) => data["revision"] === "r1");
    const newer = seal(NodeGrains, { revision: "r2", grains: { rack: "B2" } }, { to: "master", key: sign });
    await put(newer);
    await fleet.event("grains.changed", ({ data }) => data["revision"] === "r2");
    await put(frame);
    const told = await fleet.event("message.refused", (one) => one.data["subject"] === subject);
    expect(told.data).toMatchObject({ code: "wire/replay" });
    await fleet.agents.get("replay-01")!.stop();
    await fleet.master.stop();
    await owner.close();
    await fleet.serve();
    owner = await busOwner(fleet);
    await put(frame);
    const { sequence } = told;
    await fleet.event("message.refused", (one) => one.data["subject"] === subject && one.sequence > sequence);
    expect((await fleet.run("target", "rack:A1")).code).toBe(4);
    expect((await fleet.run("target", "rack:B2")).code).toBe(0);
  });
});

test("a request that the bus plays again begins no job, also to a master that has just begun to lead", async () => {
  await fleet.agent("asked-01");
  const heard: Msg[] = [];
  owner.subscribe("boma.api.*.*", { callback: (_, message) => void heard.push(message) });
  await owner.flush();
  await fleet.ok("run", "asked-01", "test.ping");
  const starts = heard.filter(({ subject }) => subject.endsWith(".job-start"));
  expect(starts.length).toBeGreaterThan(0);
  const jobs = async () => (await fleet.json<unknown[]>("jobs", "list", "--limit", "1000")).value.length;
  const before = await jobs();
  const { subject, data } = starts.at(-1)!;
  owner.publish(subject, data);
  const told = await fleet.event("message.refused", (one) => one.data["subject"] === subject);
  expect(told.data).toMatchObject({ code: "wire/replay" });
  await fleet.master.stop();
  await owner.close();
  await fleet.serve();
  owner = await busOwner(fleet);
  for (const start of starts) {
    const { frame } = splitManifest((await owner.request(subject, start.data)).data);
    const trusts = () => true;
    const to = subject.split(".")[2]!;
    const { body } = open(ApiAnswer, frame, { trusts, to, now: null });
    expect(body).toEqual({ nonce: expect.anything(), feed: false, challenge: expect.anything() });
  }
  expect(await jobs()).toBe(before);
});

test("what lies among the mailboxes and names no node keeps no master from its start", async () => {
  await jetstream(owner).publish("boma.mail.junk", "what is this");
  await jetstream(owner).publish("boma.mail.nowhere.junk", "what is this");
  await fleet.master.stop();
  await owner.close();
  await fleet.serve();
  owner = await busOwner(fleet);
  expect((await fleet.run("status")).code).toBe(0);
});

describe("a node", () => {
  test("refuses a mailbox that is older than one it has seen, one for another node, and one that no master signed", async () => {
    await fleet.agent("mail-01");
    await fleet.agent("mail-02");
    expect(await pings("mail-01")).toBe(0);
    const { publicKey: key } = held("mail-01").nkey;
    const subject = subjects.mail(key);
    const box = (to: string, signer = workingKey(), number = Date.now()) =>
      seal(Mailbox, { number, jobs: [], cancelled: [] }, { to, key: signer });
    const refused = async (code: string) => {
      const told = await fleet.event(
        "node.message-refused",
        (one) => one.id === "mail-01" && one.data["code"] === code,
      );
      expect(told.data).toMatchObject({ code, subject });
    };
    for (const [code, frame] of [
      ["wire/replay", box(key, workingKey(), 1)],
      ["wire/recipient", box(held("mail-02").nkey.publicKey)],
      ["wire/sender", box(key, newSigningKey())],
      ["wire/frame", Buffer.from("what is this")],
    ] as const) {
      await jetstream(owner).publish(subject, frame);
      await refused(code);
    }
    // The master writes over what is not its own, and says so.
    expect(await pings("mail-01")).toBe(0);
    const told = await fleet.event("message.refused", (one) => one.data["subject"] === subject);
    expect(told.data["code"]).toMatch(/^wire\//);
  });

  test("takes new orders from a master that restarted after the stored mailbox had aged away", async () => {
    await fleet.agent("aged-01");
    for (let i = 0; i < 3; i++) expect(await pings("aged-01")).toBe(0);
    await (await jetstreamManager(owner)).streams.purge("MAILBOX");
    await fleet.master.stop();
    await owner.close();
    await fleet.serve();
    owner = await busOwner(fleet);
    await expect
      .poll(async () => (await fleet.ok("nodes")).match(/aged-01 +(\w+)/)?.[1], { timeout: 30_000 })
      .toBe("connected");
    // The very first one: an order below the numbers that the node knows would be a replay.
    expect(await pings("aged-01")).toBe(0);
  });
});

/** The bus as it is while no master runs. */
async function withoutMaster(work: (owner: NatsConnection) => Promise<void>): Promise<void> {
  const trust = await serverTrust(
    parseBusTrust(readFileSync(join(fleet.home, "master/keys/bus.json"), "utf8")),
  );
  const port = Number(new URL(fleet.servers[0]!.replace("nats:", "http:")).port);
  const dir = join(fleet.home, "master/bus");
  await using _bus = await EmbeddedServer.start({
    dir,
    host: "127.0.0.1",
    port,
    trust,
    storageBytesMax: storageBytesMax(),
  });
  const connection = await busOwner(fleet);
  await work(connection);
  await connection.close();
}

test("a master refuses to start on a store with a record that it did not write, and says which", async () => {
  await fleet.agent("store-01");
  await fleet.agent("store-02");
  const record = (id: string) => subjects.record("node", held(id).nkey.publicKey);
  const last = async (id: string) =>
    (await (await jetstreamManager(owner)).direct.getMessage("RECORDS", { last_by_subj: record(id) }))!.data;
  const [own, other] = [await last("store-01"), await last("store-02")];
  await owner.close();
  await fleet.master.stop();
  const write = (data: Uint8Array) =>
    withoutMaster(async (bus) => void (await jetstream(bus).publish(record("store-01"), data)));
  for (const data of [Buffer.from("what is this"), other, own.subarray(1)]) {
    await write(data);
    const failed = await fleet.run("serve", "--listen", "127.0.0.1:0", "--json");
    expect(failed.code).toBe(1);
    expect(JSON.parse(failed.stdout)).toMatchObject({
      ok: false,
      error: { code: "store/foreign", message: expect.stringContaining(record("store-01")) },
    });
  }
  // What is put back as it was is believed again.
  await write(own);
  await fleet.serve();
  await expect.poll(() => pings("store-01"), { timeout: 30_000 }).toBe(0);
  owner = await busOwner(fleet);
});
