import { join } from "node:path";

// Goal: a node can tell its own events and nothing else; whatever else it tries leaves the stream as it was, but for
// the master's word that it was tried.
// Method: a plain client with a real agent's credential and keys, on the real bus.
import {
  EVENT_KINDS,
  type EventKind,
  EVENTS,
  NODE_EVENTS,
  NodeEvent,
  newSigningKey,
  pack,
  seal,
  subjects,
} from "@boma/protocol";
import { jetstream } from "@nats-io/jetstream";
import type { NatsConnection } from "nats";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { z } from "zod";

import { Fleet, type ToldEvent } from "../support/fleet.ts";
import { asNode, type HeldIdentity, identityOf } from "../support/hostile.ts";

let fleet: Fleet;
let node: NatsConnection;
let identity: HeldIdentity;
let other: HeldIdentity;
beforeAll(async () => {
  fleet = await Fleet.start();
  await fleet.agent("bad");
  await fleet.agent("good");
  identity = identityOf(join(fleet.dir, "bad"));
  other = identityOf(join(fleet.dir, "good"));
  // The agent itself goes: whatever comes from this key now is ours.
  await fleet.agents.get("bad")!.stop();
  node = await asNode(fleet, identity);
});
afterAll(async () => {
  await node?.close();
  await fleet?.[Symbol.asyncDispose]();
});

const AnyEvent = { ...NodeEvent, body: z.unknown() } as unknown as typeof NodeEvent;
const inbox = (key: string) => subjects.inbox(key, "event");
/** Sealed as an agent seals it, whatever it holds. */
const sealed = (body: object, key = identity.sign) => seal(AnyEvent, body as never, { to: "master", key });
const told = async (...words: string[]) =>
  (await fleet.json<ToldEvent[]>("events", ...words, "--since", "1h")).value;

/** What a node can always say, so that all before it has been dealt with. */
async function afterAllElse(): Promise<void> {
  const version = `marker-${crypto.randomUUID()}`;
  node.publish(inbox(identity.nkey.publicKey), sealed({ kind: "node.started", data: { version, start: 1 } }));
  await fleet.event("node.started", ({ data }) => data["version"] === version);
}

/** Data that the schema of the kind takes, so that only the speaker is wrong. */
function fittingData(kind: EventKind): object {
  const shape = (EVENTS[kind].data as z.ZodObject).shape ?? {};
  return Object.fromEntries(
    Object.entries(shape).map(([name, schema]) => [
      name,
      ["forged", 1, true, [], {}, undefined].find((value) => (schema as z.ZodType).safeParse(value).success),
    ]),
  );
}

describe("with its own credential a node", () => {
  const masterOnly = EVENT_KINDS.filter((kind) => EVENTS[kind].by === "master");

  test("cannot tell an event of any kind that only the master tells", { timeout: 180_000 }, async () => {
    expect(masterOnly.length).toBeGreaterThan(20);
    const before = (await told()).at(-1)!.sequence;
    for (const kind of masterOnly)
      node.publish(inbox(identity.nkey.publicKey), sealed({ kind, data: fittingData(kind) }));
    await afterAllElse();
    const since = (await told()).filter(({ sequence }) => sequence > before);
    const fromNode = since.filter((event) => event.node === identity.nkey.publicKey);
    expect(new Set(fromNode.map(({ kind }) => kind))).toEqual(
      new Set(
        ["node.connected", "message.refused", "node.started"].filter((kind) =>
          fromNode.some((one) => one.kind === kind),
        ),
      ),
    );
    expect(JSON.stringify(since.filter(({ kind }) => kind !== "message.refused"))).not.toContain("forged");
    await fleet.event("message.refused", ({ id, data }) => id === "bad" && data["code"] === "wire/schema");
  });

  test("cannot give one of its own kinds other data than that kind has", async () => {
    const wrong = [
      { kind: "node.started", data: { version: "forged", start: "soon" } },
      { kind: "node.started", data: { version: "forged", start: 1, node: other.nkey.publicKey } },
      { kind: "node.started", data: { version: "forged".repeat(100), start: 1 } },
      { kind: "node.started", data: { version: "forged", start: 1 }, node: other.nkey.publicKey, id: "good" },
      { kind: "node.started", data: { version: "forged", start: 1 }, uid: "forged" },
      { kind: "node.stopping" },
      { kind: "drift.found", data: { resource: "forged" } },
      { kind: "node.unheard-of", data: { version: "forged" } },
    ];
    for (const body of wrong) node.publish(inbox(identity.nkey.publicKey), sealed(body));
    await afterAllElse();
    const accepted = (await told()).filter(({ kind }) => kind !== "message.refused");
    expect(JSON.stringify(accepted)).not.toContain("forged");
  });

  test("says of itself only, whatever it writes: the master names who it was", async () => {
    const body = { kind: "node.started", data: { version: "mine", start: 1 } };
    node.publish(inbox(identity.nkey.publicKey), sealed(body));
    const event = await fleet.event("node.started", ({ data }) => data["version"] === "mine");
    expect(event).toMatchObject({ id: "bad", node: identity.nkey.publicKey });
  });

  test("cannot speak as another node: neither on its subject nor with its key on its own", async () => {
    const body = { kind: "node.started", data: { version: "as-another", start: 1 } };
    node.publish(inbox(other.nkey.publicKey), sealed(body));
    node.publish(inbox(other.nkey.publicKey), sealed(body, other.sign));
    node.publish(inbox(identity.nkey.publicKey), sealed(body, other.sign));
    node.publish(inbox(identity.nkey.publicKey), sealed(body, newSigningKey()));
    await afterAllElse();
    expect(JSON.stringify(await told("node.started"))).not.toContain("as-another");
  });

  test("writes nothing into the stream of events, by subject, by JetStream or by its API", async () => {
    const forged = pack({
      uid: "forged",
      at: 1,
      kind: "operator.added",
      data: { name: "forged", rights: {} },
    });
    const attempts = [
      () => node.publish("boma.evt.-.-.operator.added", forged),
      () => node.publish(`boma.evt.-.${identity.nkey.publicKey}.node.started`, forged),
      () => node.publish("$JS.API.STREAM.MSG.DELETE.EVENTS", JSON.stringify({ seq: 1 })),
      () => node.publish("$JS.API.STREAM.PURGE.EVENTS", "{}"),
      () => node.publish("$JS.API.CONSUMER.CREATE.EVENTS", "{}"),
      () => node.publish("$JS.API.STREAM.UPDATE.EVENTS", JSON.stringify({ name: "EVENTS", max_msgs: 1 })),
      () => node.request("$JS.API.STREAM.MSG.GET.EVENTS", JSON.stringify({ seq: 1 }), { timeout: 500 }),
      () => jetstream(node, { timeout: 500 }).publish("boma.evt.-.-.operator.added", forged),
    ];
    const before = await told();
    for (const attempt of attempts) await Promise.resolve(attempt()).catch(() => undefined);
    await node.flush();
    await afterAllElse();
    const after = await told();
    expect(after.slice(0, before.length)).toEqual(before);
    expect(JSON.stringify(after)).not.toContain('"uid":"forged"');
    expect(after.map(({ kind }) => kind)).not.toContain("operator.added");
  });

  test("may say every kind that is its own to say, which are these", () => {
    expect(new Set(NODE_EVENTS.map((kind) => kind.split(".")[0]))).toEqual(
      new Set(["node", "bundle", "drift", "beacon", "schedule", "maintenance", "terraform"]),
    );
    for (const kind of [
      "node.connected",
      "node.enrolled",
      "grains.changed",
      "message.refused",
      "job.returned",
    ] as const)
      expect(NODE_EVENTS as readonly string[]).not.toContain(kind);
  });
});
