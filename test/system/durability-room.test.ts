// Goal: a stream that is full is loud, acknowledges nothing that it does not keep, and goes on when there is room.
// Method: streams of one megabyte; somebody else fills them through the bus, and takes it away again.
import { randomBytes } from "node:crypto";

import { pack, subjects } from "@boma/protocol";
import { jetstream, jetstreamManager } from "@nats-io/jetstream";
import type { NatsConnection } from "nats";
import { afterAll, beforeAll, expect, test } from "vitest";

import { Fleet } from "../support/fleet.ts";
import { busOwner } from "../support/hostile.ts";
import { faults, readKept } from "../support/kept.ts";

const SMALL = "JOBS=1MiB,RECORDS=1MiB,EVENTS=1MiB,AUDIT=1MiB,INBOX=1MiB";
const PART = 32 * 1024;

let fleet: Fleet;
let owner: NatsConnection;
beforeAll(async () => {
  fleet = await Fleet.start({ serve: ["--stream-bytes", SMALL] });
  await fleet.agent("full-01");
  owner = await busOwner(fleet);
});
afterAll(async () => {
  await owner?.close();
  await fleet?.[Symbol.asyncDispose]();
});

/** Messages of 32 KiB, then ever smaller ones, until the stream refuses the least. */
async function fill(subject: (at: number) => string, least: number): Promise<void> {
  let at = 0;
  for (let size = PART; size >= least; size /= 2) while (await isTaken(subject(at), size)) at += 1;
}

const isTaken = (subject: string, size: number): Promise<boolean> =>
  jetstream(owner)
    .publish(subject, randomBytes(size))
    .then(
      () => true,
      () => false,
    );

const purge = async (stream: string, filter: string): Promise<void> =>
  void (await (await jetstreamManager(owner)).streams.purge(stream, { filter }));
const alarm = (words: string) =>
  fleet.event("master.alarm", ({ data }) => String(data?.["message"]).includes(words));
const doctorOf = async () => (await fleet.run("doctor")).stdout;

test("the registry that is full refuses with what to do, keeps nothing of it, alarms, and takes again when there is room", async () => {
  await fill((at) => `boma.rec.filler.${at}`, 1024);
  const refused = await fleet.json<{ error: { code: string; message: string } }>("token", "create");
  expect(refused.value.error).toMatchObject({ code: "bus/full" });
  expect(refused.code).not.toBe(0);
  expect((await alarm("RECORDS did not take")).data["what"]).toBe("bus");
  await alarm("RECORDS is nearly full");
  expect(await doctorOf()).toMatch(/bad +streams .*RECORDS nearly full/);
  const tokens = await fleet.ok("token", "list", "--json");
  await purge("RECORDS", "boma.rec.filler.*");
  expect(JSON.parse(await fleet.ok("token", "list", "--json"))).toEqual(JSON.parse(tokens));
  expect((await fleet.run("token", "create")).code).toBe(0);
  expect(await doctorOf()).toMatch(/ok +streams/);
  // A server makes room for what nearly fits by dropping the oldest, which here are the nodes.
  expect(await fleet.ok("nodes")).toContain("full-01");
  expect((await fleet.run("run", "full-01", "test.ping")).code).toBe(0);
});

test("what a node returned while the inbox was full is taken in when there is room, once", async () => {
  const asked = await fleet.json<{ job: string }>("run", "full-01", "test.sleep", "seconds=5", "--async");
  const { job } = asked.value;
  await fleet.event("job.accepted", (told) => told.job === job);
  // The bus goes on, nobody takes anything out of the inbox, and the node returns when it is full.
  const { pid } = fleet.agents.get("full-01")!;
  for (const stopped of [pid, fleet.master.pid]) process.kill(stopped, "SIGSTOP");
  try {
    const offered = owner.subscribe("boma.in.*.return", { max: 2 });
    await fill((at) => `boma.in.U${String(at).padStart(55, "A")}.event`, 64);
    process.kill(pid, "SIGCONT");
    // Offered again, because it was refused.
    for await (const _ of offered);
  } finally {
    process.kill(fleet.master.pid, "SIGCONT");
  }
  await fleet.event("job.finished", (told) => told.job === job);
  const kept = await readKept(fleet.home, fleet.servers[0]!);
  expect(faults(kept, [job])).toEqual([]);
  expect([...kept.endings.get(job)!.values()]).toEqual(["ok"]);
});

test("streams that drop what is oldest say that they do, and what is told then agrees with itself", async () => {
  for (let at = 0; at < 40; at++) {
    await jetstream(owner).publish(`boma.jobs.filler.${at}`, randomBytes(PART));
    const data = { what: "filler", message: randomBytes(PART).toString("hex") };
    const event = { kind: "master.alarm", uid: `filler-${at}`, at: Date.now(), data };
    await jetstream(owner).publish(subjects.event("master.alarm", {}), pack(event));
  }
  await alarm("EVENTS is nearly full");
  await alarm("JOBS is nearly full");
  const { job } = (await fleet.json<{ job: string }>("run", "full-01", "test.ping", "--async")).value;
  await fleet.event("job.finished", (told) => told.job === job);
});

test.for([
  ["EVENT=1MiB", /no stream.*EVENTS/s],
  ["EVENTS=many", /not a size/],
  ["EVENTS=1KiB", /not a size/],
  ["EVENTS", /not a size/],
] as const)("--stream-bytes %s is refused, with what to write", async ([sizes, words]) => {
  const { code, stderr } = await fleet.run("serve", "--stream-bytes", sizes);
  expect(code).toBe(2);
  expect(stderr).toMatch(words);
});

test("a bound below what the registry holds is refused at the start, and nothing of it is cut", async () => {
  const again = async (...sizes: readonly string[]) => {
    await owner.close();
    await fleet.master.stop();
    await fleet.serve("--stream-bytes", ...sizes);
    owner = await busOwner(fleet);
  };
  await again("RECORDS=4MiB");
  for (let at = 0; at < 64; at++) await jetstream(owner).publish(`boma.rec.filler.${at}`, randomBytes(PART));
  await owner.close();
  await fleet.master.stop();
  const refused = await fleet.run("serve", "--listen", "127.0.0.1:0", "--stream-bytes", SMALL);
  expect(refused.code).toBe(2);
  expect(refused.stderr).toMatch(/RECORDS holds \d+ bytes.*--stream-bytes RECORDS=\d+MiB/s);
  await fleet.serve("--stream-bytes", "RECORDS=4MiB");
  owner = await busOwner(fleet);
  expect(await fleet.ok("nodes")).toContain("full-01");
});
