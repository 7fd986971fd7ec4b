// Goal: one who floods the bus costs himself something: others' jobs end well, nothing of others is lost, the stream of
// events stays readable, and what was refused is told once a second at most.
// Method: as many messages as a connection takes, well made and signed by a real node's key, or by strangers with an
// image's kit, while jobs run on another node.
import { join } from "node:path";

import {
  EnrolAsk,
  newJobId,
  newSealingKey,
  newSession,
  newSigningKey,
  NodeEvent,
  NodeGrains,
  NodeHello,
  NodeProgress,
  NodeRekey,
  NodeReturn,
  seal,
  subjects,
} from "@boma/protocol";
import type { NatsConnection } from "nats";
import { afterAll, beforeAll, expect, test } from "vitest";

import { Bystander, putAll, refusedOf, stranger, type Taken, takeOver } from "../support/attack.ts";
import { Fleet, type ToldEvent } from "../support/fleet.ts";
import { identityOf } from "../support/hostile.ts";

let fleet: Fleet;
let bad: Taken;
beforeAll(async () => {
  fleet = await Fleet.start();
  await fleet.agent("good", { env: "dev" });
  await fleet.agent("bad", { env: "prod" });
  bad = await takeOver(fleet, "bad");
});
afterAll(async () => {
  await bad?.line.close();
  await fleet?.[Symbol.asyncDispose]();
});

const AT_ONCE = 64;
const MADE = 512;
/** What the master looks at of one sender in ten seconds. */
const LOOKED_AT_MAX = 400;
/** What a node may add to the events at once, and after that. */
const SHARE_BYTES = 16 * 1024 * 1024;
const SHARE_BYTES_PER_SECOND = 16 * 1024;

/** Sends as much as the line takes, until others were served; returns how much that was. */
async function flood(
  line: NatsConnection,
  subject: string,
  frames: readonly Uint8Array[],
  bystander: Bystander,
): Promise<number> {
  let isOver = false;
  let sent = 0;
  const sending = (async () => {
    while (!isOver || sent < frames.length) {
      for (let at = 0; at < AT_ONCE; at++) line.publish(subject, frames[sent++ % frames.length]!);
      await line.flush();
    }
  })();
  try {
    await bystander.served(20);
  } finally {
    isOver = true;
    await sending;
  }
  return sent;
}

const made = (make: (at: number) => Uint8Array): Uint8Array[] =>
  Array.from({ length: MADE }, (_, at) => make(at));
const signed = { to: "master" } as const;

const floods: readonly (readonly [string, string, (at: number, held: Taken["identity"]) => Uint8Array])[] = [
  [
    "events",
    "in.event",
    (at, { sign }) =>
      seal(
        NodeEvent,
        { kind: "node.started", data: { version: `flood-${at}`, start: at + 1000 } },
        { ...signed, key: sign },
      ),
  ],
  [
    "returns of jobs that nobody asked for",
    "in.return",
    (at, { sign }) =>
      seal(
        NodeReturn,
        { job: newJobId(), status: "ok", value: at, startedAt: 1, ms: 1, cut: false },
        { ...signed, key: sign },
      ),
  ],
  [
    "progress of jobs that nobody asked for",
    "in.progress",
    (at, { sign }) =>
      seal(
        NodeProgress,
        { job: newJobId(), part: at, accepted: true, lines: [], dropped: 0 },
        { ...signed, key: sign },
      ),
  ],
  [
    "hellos, each of another session",
    "rpc.hello",
    (at, { sign, start }) =>
      seal(
        NodeHello,
        {
          session: newSession(),
          start: start + at,
          bootId: "",
          agentVersion: "0",
          speaks: [1],
          grains: "",
          wantsCredential: true,
        },
        { ...signed, key: sign },
      ),
  ],
  [
    "keys that it was not asked for",
    "rpc.rekey",
    (_, { sign, nkey }) =>
      seal(
        NodeRekey,
        {
          nkey: nkey.publicKey,
          sign: newSigningKey().publicKey,
          seal: newSealingKey().publicKey,
          possession: new Uint8Array(64),
        },
        { ...signed, key: sign },
      ),
  ],
  ["bytes that are no message", "rpc.hello", (at) => Buffer.from(`flood ${at}`)],
];

test.each(floods)("a flood of %s from one node leaves the others served", async (_, door, make) => {
  const [where, kind] = door.split(".") as ["in" | "rpc", never];
  const subject = where === "in" ? subjects.inbox(bad.key, kind) : subjects.rpc(bad.key, kind);
  const frames = made((at) => make(at, bad.identity));
  const before = (await eventsOf(bad.key)).length;
  const began = Date.now();
  const bystander = new Bystander(fleet, "good");
  const sent = await flood(bad.line, subject, frames, bystander);
  expect(sent).toBeGreaterThanOrEqual(MADE);
  expect(await bystander.end()).toEqual([]);
  const seconds = (Date.now() - began) / 1000;
  const told = (await eventsOf(bad.key)).slice(before).filter(({ kind: named }) => named !== "node.started");
  console.log(`flood of ${door}: ${sent} sent, ${told.length} told in ${seconds.toFixed(1)} s`);
  const refusals = told.filter(({ kind: named }) => named === "message.refused");
  expect(refusals.length).toBeLessThan(seconds + 5);
  // What a door lets through may be told as what it is: of a hello that its start counter fell.
  const letThrough = where === "rpc" ? LOOKED_AT_MAX * (1 + seconds / 10) : 0;
  expect(told.length - refusals.length).toBeLessThanOrEqual(letThrough);
  expect((await refusedOf(fleet, bad.key)).gapMs).toBeGreaterThanOrEqual(990);
});

test("other grains without end are heard up to the node's share of the events; the rest waits in its inbox", async () => {
  await fleet.agent("changing", { env: "prod" });
  const { identity, key, line } = await takeOver(fleet, "changing");
  const changes = async () => (await eventsOf(key)).filter(({ kind }) => kind === "grains.changed").length;
  const before = await changes();
  const frames = Array.from({ length: 400 }, (_, at) => {
    const grains = { filler: Array.from({ length: 15 }, () => `${at}`.padEnd(4096, "x")) };
    return seal(NodeGrains, { revision: `r${at}`, grains }, { ...signed, key: identity.sign });
  });
  const began = Date.now();
  const bystander = new Bystander(fleet, "good");
  await putAll(line, subjects.inbox(key, "grains"), frames);
  await bystander.served();
  await bystander.stop();
  await line.close();
  const told = (await changes()) - before;
  const seconds = (Date.now() - began) / 1000;
  expect(told).toBeGreaterThan(100);
  expect(told * frames[0]!.length).toBeLessThan(SHARE_BYTES + (seconds + 1) * SHARE_BYTES_PER_SECOND);
  // What waits for its turn is nobody's word any more.
  await fleet.ok("revoke", "changing");
  expect(await bystander.end()).toEqual([]);
});

async function eventsOf(key: string): Promise<ToldEvent[]> {
  const { value } = await fleet.json<ToldEvent[]>("events", "--since", "1h");
  return value.filter(({ node }) => node === key);
}

const askToJoin = (
  nkey: string,
  sign = newSigningKey(),
  id = `x-${nkey.slice(-8).toLowerCase()}`,
): Uint8Array =>
  seal(
    EnrolAsk,
    {
      nkey,
      sign: sign.publicKey,
      seal: newSealingKey().publicKey,
      id,
      agentVersion: "0",
      claims: { hostname: id, arch: "x64", macs: [], wants: {} },
    },
    { ...signed, key: sign },
  );

test("a flood of requests to join from one stranger leaves the nodes served, and is asked about once", async () => {
  const { kit } = identityOf(join(fleet.dir, "good"));
  const { nkey, line } = await stranger(fleet, kit);
  const sign = newSigningKey();
  const bystander = new Bystander(fleet, "good");
  await flood(line, subjects.enrol(nkey.publicKey), [askToJoin(nkey.publicKey, sign)], bystander);
  await line.close();
  expect(await bystander.end()).toEqual([]);
  const asked = (await eventsOf(nkey.publicKey)).filter(({ kind }) => kind === "node.asked");
  expect(asked).toHaveLength(1);
});
