// Goal: what a node says again because its acknowledgement was lost is no news and no attack, however late it comes.
// Method: windows of the bus that forget at once; the same signed frames again, to the same master and to the next one.
import { NodeEvent, NodeGrains, seal, subjects } from "@boma/protocol";
import { jetstream, jetstreamManager } from "@nats-io/jetstream";
import { nanos, type NatsConnection } from "nats";
import { afterAll, beforeAll, expect, test } from "vitest";

import { Fleet } from "../support/fleet.ts";
import { busOwner, type HeldIdentity, identityOf } from "../support/hostile.ts";

const MINUTE_MS = 60_000;

let fleet: Fleet;
let owner: NatsConnection;
let node: HeldIdentity;
beforeAll(async () => {
  fleet = await Fleet.start();
  await fleet.agent("again-01");
  node = identityOf(`${fleet.dir}/again-01`);
  await fleet.agents.get("again-01")!.stop();
  owner = await busOwner(fleet);
});
afterAll(async () => {
  await owner?.close();
  await fleet?.[Symbol.asyncDispose]();
});

/** As if more time had passed than the streams know an id for. */
async function forgetIds(): Promise<void> {
  const { streams } = await jetstreamManager(owner);
  for (const name of ["INBOX", "EVENTS"]) await streams.update(name, { duplicate_window: nanos(100) });
}

/** Until the stream takes it as something new. */
async function put(kind: "event" | "grains", frame: Uint8Array, msgID: string): Promise<void> {
  const subject = subjects.inbox(node.nkey.publicKey, kind);
  while ((await jetstream(owner).publish(subject, frame, { msgID })).duplicate);
}

const said = (message: string, agoMs: number): Uint8Array => {
  const now = Date.now() - agoMs;
  const data = { code: "wire/frame", subject: "-", message, unreported: 0 };
  return seal(NodeEvent, { kind: "node.message-refused", data }, { to: "master", key: node.sign, now });
};

/** Something new of the same node: when it is told, everything before it was dealt with. */
async function marker(name: string): Promise<void> {
  await put("event", said(name, 0), name);
  await fleet.event("node.message-refused", ({ data }) => data["message"] === name);
}

async function nextMaster(): Promise<void> {
  await owner.close();
  await fleet.master.stop();
  await fleet.serve();
  owner = await busOwner(fleet);
  await forgetIds();
}

const told = async (kind: string, word: string): Promise<number> =>
  (await fleet.ok("events", kind, "--since", "1h", "--json"))
    .split("\n")
    .filter((line) => line.includes(word)).length;
const refused = () => told("message.refused", node.nkey.publicKey);

test.for([
  ["long ago", 20 * MINUTE_MS],
  ["by a clock that runs ahead", -20 * MINUTE_MS],
] as const)(
  "an event that a node said %s and says again is told once, by this master and by the next, and refused by none",
  async ([name, agoMs]) => {
    await forgetIds();
    const frame = said(name, agoMs);
    await put("event", frame, `id ${name}`);
    await fleet.event("node.message-refused", ({ data }) => data["message"] === name);
    await put("event", frame, `id ${name}`);
    await marker(`after ${name}`);
    expect(await told("node.message-refused", `"message":"${name}"`)).toBe(1);
    await nextMaster();
    await put("event", frame, `id ${name}`);
    await marker(`next after ${name}`);
    expect(await told("node.message-refused", `"message":"${name}"`)).toBe(1);
    expect(await refused()).toBe(0);
  },
);

test("grains that a node says again are no change and no attack, by this master and by the next", async () => {
  await forgetIds();
  const body = { revision: "again", grains: { rack: "A1" } };
  const frame = seal(NodeGrains, body, { to: "master", key: node.sign });
  await put("grains", frame, "again");
  await fleet.event("grains.changed", ({ data }) => data["revision"] === "again");
  await put("grains", frame, "again");
  await marker("after frame");
  await nextMaster();
  await put("grains", frame, "again");
  await marker("next after frame");
  expect(await told("grains.changed", '"again"')).toBe(1);
  expect(await refused()).toBe(0);
});
