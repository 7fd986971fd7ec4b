// Goal: whoever has a credential of the bus and means no good costs himself something, and nobody else.
// Method: plain clients with a real node's and a real operator's credential and keys, on the real bus.
import { join } from "node:path";

import { ApiRequest, newNonce, NodeEvent, NodeReturn, pack, seal, subjects } from "@boma/protocol";
import type { NatsConnection } from "nats";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { z } from "zod";

import { EventReader } from "../../packages/master/src/events/event-reader.ts";
import { type OperatorCredential, readOperatorFile } from "../../packages/master/src/operator-file.ts";
import { Store, STREAM } from "../../packages/master/src/store/store.ts";
import { Fleet } from "../support/fleet.ts";
import { asNode, asUser, busOwner, type HeldIdentity, identityOf } from "../support/hostile.ts";

const DRIFT = {
  resource: "file.managed(/etc/motd)",
  catalog: "0".repeat(64),
  mode: "observe",
  comment: "",
  since: 1,
  who: [],
  trigger: "asked",
};

let fleet: Fleet;
beforeAll(async () => {
  fleet = await Fleet.start();
});
afterAll(() => fleet?.[Symbol.asyncDispose]());

describe("an operator who may only read the audit", () => {
  let auditor: OperatorCredential;
  let line: NatsConnection;
  beforeAll(async () => {
    const file = join(fleet.dir, "auditor.json");
    await fleet.ok("operator", "add", "auditor", "--audit", "--out", file);
    auditor = readOperatorFile({} as never, file);
    line = await asUser(fleet, auditor.user, auditor.credential);
  });
  afterAll(() => line?.close());

  test.each(["a b", "", "*", ">", "x\r\nPING\r\n", "a.b", "\u0000"])(
    "cannot bring down the master by where it wants the answer: %j",
    async (session) => {
      const AnyRequest = { ...ApiRequest, body: z.unknown() } as unknown as typeof ApiRequest;
      const body = { verb: "audit.next", args: { after: 1e9, waitMs: 3_000 }, session };
      const frame = seal(AnyRequest, body as never, { to: "master", key: auditor.sign, nonce: newNonce() });
      await line
        .request(subjects.api(auditor.user.publicKey, "audit.next"), frame, { timeout: 1_000 })
        .catch(() => undefined);
      await fleet.ok("status");
      expect(fleet.master.lines.filter((one) => /nvalid ?subject/i.test(one))).toEqual([]);
    },
  );
});

describe("a node", () => {
  let node: NatsConnection;
  let identity: HeldIdentity;
  const inbox = (kind: "event" | "return") => subjects.inbox(identity.nkey.publicKey, kind);
  /** Sealed as an agent seals it, whatever it holds. */
  const sealed = (kind: typeof NodeEvent | typeof NodeReturn, body: object) => {
    const AnyKind = { ...kind, body: z.unknown() } as unknown as typeof NodeEvent;
    return seal(AnyKind, body as never, { to: "master", key: identity.sign });
  };
  beforeAll(async () => {
    await fleet.agent("bad");
    identity = identityOf(join(fleet.dir, "bad"));
    // The agent itself goes: whatever comes from this key now is ours.
    await fleet.agents.get("bad")!.stop();
    node = await asNode(fleet, identity);
  });
  afterAll(() => node?.close());

  test("whose bad messages are quoted when they are refused pushes out no other events by their weight", async () => {
    node.publish(inbox("return"), sealed(NodeReturn, { ["\u001b[2Jk".repeat(60_000)]: 1 }));
    const { data } = await fleet.event("message.refused", (event) => event.data["code"] === "wire/schema");
    expect(JSON.stringify(data).length).toBeLessThan(10_000);
  });

  test(
    "that tells without end is stopped by its own share, and everybody else is heard",
    { timeout: 120_000 },
    async () => {
      const long = {
        kind: "drift.found",
        data: { ...DRIFT, changes: { text: { from: "x".repeat(28_000) } } },
      };
      let [taken, refused] = [0, 0];
      // Its inbox is full when the master takes no more out of it.
      while (refused < 300 && taken < 2_000) {
        const frames = Array.from({ length: 32 }, () => sealed(NodeEvent, long));
        const answers = await Promise.all(frames.map((frame) => node.request(inbox("event"), frame)));
        const errors = answers.filter((answer) => answer.json<{ error?: object }>().error).length;
        taken += frames.length - errors;
        refused = errors === frames.length ? refused + errors : 0;
      }
      expect((taken * 28_000) / 1024 ** 2).toBeLessThan(24);
      await fleet.agent("good");
      await fleet.event("node.started", ({ id }) => id === "good");
    },
  );

  test("that told much is read in portions that no reader's memory notices, and all of it is read", async () => {
    const owner = await busOwner(fleet);
    const store = await Store.open(owner, new Uint8Array(32));
    const reader = new EventReader(store, { after: 0, patterns: ["drift.*"] });
    let read = 0;
    for (;;) {
      const { events } = await reader.next(500, 0);
      if (events.length === 0) break;
      expect(pack(events).length / 1024 ** 2).toBeLessThan(8);
      read += events.length;
    }
    const filter = { subjects_filter: "boma.evt.*.*.drift.>" };
    const { subjects: counts = {} } = (await store.api.streams.info(STREAM.events, filter)).state;
    expect(read).toBeGreaterThan(400);
    expect(Object.values(counts)).toEqual([read]);
    reader.close();
    await owner.close();
  });
});
