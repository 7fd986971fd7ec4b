// Goal: what all nodes are asked goes out as one message and is answered by each once; what is for some of them, or
// changes them, goes to them alone; and nobody but a master is heard by all.
// Method: a user of the control plane listens beside the nodes, plays again what it heard, and says things of its own.
import { existsSync } from "node:fs";
import { join } from "node:path";

import { Call, EVERYBODY, newSigningKey, open, seal, subjects } from "@boma/protocol";
import type { NatsConnection } from "nats";
import { afterAll, beforeAll, expect, test } from "vitest";

import { Fleet, type ToldEvent } from "../support/fleet.ts";
import { asNode, busOwner, identityIn } from "../support/hostile.ts";
import { run, type RunDocument } from "../support/run.ts";

let fleet: Fleet;
let owner: NatsConnection;
let heard: { subject: string; data: Uint8Array }[] = [];
const calls = () => heard.filter(({ subject }) => subject === subjects.call);
const mail = () => heard.filter(({ subject }) => subject.startsWith("boma.mail."));
const ids = ["box", "n-0001", "n-0002", "n-0003"];

/** What went to nodes because of it. */
async function listening<T>(work: () => Promise<T>): Promise<T> {
  heard = [];
  const done = await work();
  await owner.flush();
  return done;
}
const told = async (kind: string, job: string) =>
  (await fleet.json<ToldEvent[]>("events", kind, "--since", "1h")).value.filter((event) => event.job === job);

beforeAll(async () => {
  fleet = await Fleet.start();
  await fleet.agent("box", { unconfined: true });
  await fleet.emulate(3, "n");
  owner = await busOwner(fleet);
  for (const subject of [subjects.call, "boma.mail.*"])
    owner.subscribe(subject, {
      callback: (_, { subject: at, data }) => void heard.push({ subject: at, data }),
    });
  await owner.flush();
});
afterAll(async () => {
  await owner?.close();
  await fleet?.[Symbol.asyncDispose]();
});

test("a question to all nodes is one message for all of them, and no mailbox is written", async () => {
  const { code, value } = await listening(() => run(fleet, "*", "test.echo", "text=who is there"));
  expect([code, value.expected, value.summary]).toEqual([0, ids, { ok: 4 }]);
  expect([calls().length, mail().length]).toEqual([1, 0]);
  const { body } = open(Call, calls()[0]!.data, { trusts: () => true, to: EVERYBODY, now: Date.now() });
  expect(body).toMatchObject({ job: value.job, function: "test.echo", args: { text: "who is there" } });
  expect(await told("job.returned", value.job)).toHaveLength(4);
});

test.each([
  ["a question to all but one", ["not n-0003", "test.ping"]],
  ["an order that changes nodes", ["*", "cmd.run", "true"]],
  ["a question in batches", ["*", "test.ping", "--batch", "2"]],
  ["a run of states that only looks", ["*", "state.plan"]],
])("%s is in the mailboxes of those whom it is for, and heard by nobody else", async (_, words) => {
  const { value } = await listening(() => run(fleet, ...(words as [string, string])));
  expect(calls()).toEqual([]);
  const wanted = value.expected.map((id) => subjects.mail(keyOf(id)));
  expect([...new Set(mail().map(({ subject }) => subject))].toSorted()).toEqual(wanted.toSorted());
});

test("played again, once the job has ended or to a node that comes back, it does nothing", async () => {
  const { value } = await listening(() => run(fleet, "*", "test.ping"));
  const { data } = calls()[0]!;
  for (let again = 0; again < 3; again++) owner.publish(subjects.call, data);
  await owner.flush();
  await fleet.agents.get("box")!.stop();
  await fleet.restart("box", { unconfined: true });
  owner.publish(subjects.call, data);
  await owner.flush();
  // Whatever a node made of it comes before its answer to this.
  expect((await run(fleet, "*", "test.ping")).code).toBe(0);
  expect(await told("job.returned", value.job)).toHaveLength(4);
  expect(await told("job.late", value.job)).toEqual([]);
});

test("a call that no master signed is refused by each node, and a node's own is refused by the bus", async () => {
  const file = join(fleet.dir, "forged");
  const { body } = open(Call, calls()[0]!.data, { trusts: () => true, to: EVERYBODY, now: null });
  const forged = seal(
    Call,
    { ...body, job: `${body.job.slice(0, -1)}Z`, function: "cmd.run", args: { command: ["touch", file] } },
    { to: EVERYBODY, key: newSigningKey(), expires: Date.now() + 60_000 },
  );
  owner.publish(subjects.call, forged);
  await owner.flush();
  for (const id of ["box", "n-0001"])
    await fleet.event(
      "node.message-refused",
      (event) =>
        event.id === id && event.data["subject"] === subjects.call && event.data["code"] === "wire/sender",
    );
  await using node = await asNode(fleet, identity("n-0002"));
  const complaint = Promise.withResolvers<string>();
  void (async () => {
    for await (const status of node.status())
      if (status.type === "error") complaint.resolve(status.error.message);
  })();
  heard = [];
  node.publish(subjects.call, calls()[0]?.data ?? forged);
  expect(await complaint.promise).toMatch(/permissions violation/i);
  expect(heard).toEqual([]);
  expect(existsSync(file)).toBe(false);
});

test("who does not hear it has it in his mailbox a moment later, and answers when he can", async () => {
  const box = fleet.agents.get("box")!;
  box.signal("SIGSTOP");
  try {
    const { code, value } = await listening(() => run(fleet, "*", "test.ping"));
    expect([code, value.summary]).toEqual([5, { ok: 3, timeout: 1 }]);
    expect(calls()).toHaveLength(1);
    expect(mail().map(({ subject }) => subject)).toEqual([subjects.mail(keyOf("box"))]);
    box.signal("SIGCONT");
    // He has heard it twice by now, and answers once.
    await fleet.event("job.late", ({ job, id }) => job === value.job && id === "box");
    expect((await run(fleet, "*", "test.ping")).code).toBe(0);
    expect(await told("job.late", value.job)).toHaveLength(1);
    const { value: shown } = await fleet.json<RunDocument>("jobs", "show", value.job);
    expect(shown.nodes["box"]).toMatchObject({ status: "timeout" });
  } finally {
    box.signal("SIGCONT");
  }
});

function identity(id: string) {
  return identityIn(join(fleet.dir, id === "box" ? "box/boma" : `n/agent/emulated/${id}`));
}
const keyOf = (id: string): string => identity(id).nkey.publicKey;
