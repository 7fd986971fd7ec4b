/**
 * Goal: what a stream holds is read to its end, by a server that answers late as well: a master that begins with a part
 * of what it knew would not know its nodes.
 * Method: a line on which each answer comes later than a master that works waits for it; on every server that is here.
 */
import { randomBytes } from "node:crypto";

import { subjects } from "@boma/protocol";
import { expect, onTestFinished, test } from "vitest";

import { connectMaster } from "../../packages/master/src/bus/connect.ts";
import { issueMasterUser } from "../../packages/master/src/bus/trust.ts";
import { Store, STREAM } from "../../packages/master/src/store/store.ts";
import { nameOf, serverPrograms, startTestBus } from "../support/nats.ts";
import { Relay } from "../support/relay.ts";

const RECORDS = 100;
/** Longer than an answer is waited for when a master works. */
const LATE_MS = 5_500;
const NAMES = Array.from({ length: RECORDS }, (_, index) => `r${index}`);
const subjectOf = (name: string): string => subjects.record("some", name);
const ALL = subjects.record("some", "*");

test.each(serverPrograms.map((program) => ({ name: nameOf(program), program })))(
  "$name: all of it is read from a server that answers late, and what is replaced meanwhile holds nobody up",
  async ({ program }) => {
    await using bus = await startTestBus({ program });
    using relay = await Relay.to(bus.server.port);
    const near = await bus.ctrl();
    const far = await connectMaster(`nats://127.0.0.1:${relay.port}`, await issueMasterUser(bus.trust), {});
    onTestFinished(() => far.close());
    const key = randomBytes(32);
    const store = await Store.open(near, key);
    await Promise.all(NAMES.map((name) => store.put(subjectOf(name), Buffer.from("first"))));

    const slow = await Store.open(far, key, { starting: true });
    relay.lateMs = LATE_MS;
    const read = new Set<string>();
    let sequence = 0;
    for await (const stored of slow.replay(STREAM.records, ALL)) {
      expect(stored.sequence).toBeGreaterThan(sequence);
      ({ sequence } = stored);
      read.add(stored.subject);
      if (read.size === 10) await store.put(subjectOf(NAMES.at(-1)!), Buffer.from("second"));
    }
    expect(read).toEqual(new Set(NAMES.map(subjectOf)));
  },
);
