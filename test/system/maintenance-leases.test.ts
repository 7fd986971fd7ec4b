/**
 * Goal: never two nodes of a failure domain are restarted at once, whoever asks, and whatever dies meanwhile.
 * Method: two real agents with a daemon of the site's own, whose restart waits until the test lets it go.
 */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";

import { Fleet } from "../support/fleet.ts";
import { owe, restart, Restarts } from "../support/restarts.ts";
import { type Failure, jobOf, type RunDocument } from "../support/run.ts";

let fleet: Fleet;
let a: Restarts;
let b: Restarts;
beforeAll(async () => {
  fleet = await Fleet.start();
  await Promise.all([fleet.agent("a"), fleet.agent("b")]);
  [a, b] = [new Restarts(fleet, "a"), new Restarts(fleet, "b")];
  await owe(fleet);
}, 180_000);
afterAll(() => fleet?.[Symbol.asyncDispose]());

beforeEach(async () => {
  await owe(fleet);
  a.hold();
  b.hold();
}, 120_000);

/** A restart of `a` that has begun, and ends when it is let go. */
async function begun(...words: readonly string[]) {
  const before = a.log.length;
  const watching = fleet.spawn("run", "a", "maintenance.run", "acme/one", ...words);
  const job = await jobOf(watching);
  await expect.poll(() => a.log.length, { timeout: 30_000 }).toBe(before + 1);
  // The master has heard so, too.
  await fleet.event("job.accepted", (event) => event.job === job);
  return { watching, job };
}

const refusal = async (id = "b") =>
  (await fleet.json<Failure>("run", id, "maintenance.run", "acme/one")).value;

/** The other one has its turn now, and does it. */
async function otherGoes(): Promise<void> {
  b.letGo();
  const before = b.log.length;
  const { code, value } = await restart(fleet, "b");
  expect({ code, status: value.nodes["b"]?.status }).toEqual({ code: 0, status: "changed" });
  expect(b.log.slice(before)).toEqual(["begun", "ended"]);
}

/** Nodes lose their connection with the master before, and come back in their own time. */
async function nextMaster(): Promise<void> {
  await fleet.serve();
  const reach = async () => (await fleet.run("run", "b", "test.ping")).code;
  await expect.poll(reach, { timeout: 60_000 }).toBe(0);
}

const show = async (job: string) => (await fleet.json<RunDocument>("jobs", "show", job)).value;

describe("a job that restarts one node of a domain", () => {
  test("keeps everybody else of it out, and says who is at it, where, and since when", async () => {
    const { watching, job } = await begun();
    const { error } = await refusal();
    expect(error.code).toBe("lease/held");
    expect(error.message).toMatch(
      new RegExp(`^acme/one is held by job ${job} on a, of \\S+, since \\d{4}-\\d\\d-\\d\\dT`),
    );
    expect(error.hint).toContain(`jobs attach ${job}`);
    expect((await refusal("a")).error.code).toBe("lease/held");
    expect(b.log.filter((word) => word === "begun").length).toBe(b.log.length / 2);
    a.letGo();
    expect((await watching.ended).code).toBe(0);
    await otherGoes();
  });

  test("is one only, when two operators ask at the same moment", async () => {
    await fleet.ok("operator", "add", "bob", "--admin", "--out", `${fleet.dir}/bob`);
    const asks = (id: string, ...words: string[]) =>
      fleet.spawn("run", id, "maintenance.run", "acme/one", ...words);
    const begunBefore = [a, b].map(({ log }) => log.length);
    const running = [
      asks("a"),
      asks("b", "--operator", `${fleet.dir}/bob`),
      asks("b"),
      asks("a", "--operator", `${fleet.dir}/bob`),
    ];
    const ended = await Promise.all(
      running.map((one) =>
        Promise.race([
          one.line(/^job /).then(() => "begun"),
          one.ended.then(({ code, stderr }) => `${code} ${stderr}`),
        ]).catch(() => "refused"),
      ),
    );
    expect(ended.filter((how) => how === "begun")).toHaveLength(1);
    const begunNow = (): number => [a, b].filter(({ log }, at) => log.length > begunBefore[at]!).length;
    await expect.poll(begunNow, { timeout: 30_000 }).toBe(1);
    a.letGo();
    b.letGo();
    const codes = (await Promise.all(running.map((one) => one.ended))).map(({ code }) => code);
    expect(codes.filter((code) => code === 0)).toHaveLength(1);
    expect(codes.filter((code) => code === 1)).toHaveLength(3);
  });

  test("holds the domain to its end, though the command line that asked for it was killed", async () => {
    const { watching, job } = await begun();
    watching.signal("SIGKILL");
    await watching.ended;
    expect((await refusal()).error.message).toContain(job);
    const finished = fleet.event("job.finished", (event) => event.job === job);
    a.letGo();
    await finished;
    await otherGoes();
  });

  test("holds it over a restart of the master in the middle, and lets go of it under the next one", async () => {
    const { watching, job } = await begun();
    fleet.master.signal("SIGKILL");
    await fleet.master.ended;
    await nextMaster();
    expect((await refusal()).error).toMatchObject({
      code: "lease/held",
      message: expect.stringContaining(job) as string,
    });
    a.letGo();
    expect((await watching.ended).code).toBe(0);
    await otherGoes();
  });

  test("that ended while no master was there holds nothing under the next one", async () => {
    const { watching, job } = await begun();
    fleet.master.signal("SIGKILL");
    await fleet.master.ended;
    const before = a.log.length;
    a.letGo();
    await expect.poll(() => a.log.length, { timeout: 30_000 }).toBe(before + 1);
    await nextMaster();
    await watching.ended;
    expect((await show(job)).nodes["a"]).toMatchObject({ status: "changed" });
    await otherGoes();
  });

  test("lets go of the domain when its time is over on the node", async () => {
    const { watching, job } = await begun("--timeout", "2s");
    expect((await watching.ended).code).not.toBe(0);
    expect((await show(job)).nodes["a"]).toMatchObject({ status: "timeout" });
    await otherGoes();
  });

  test("that was cancelled holds it until its node says that it stopped", async () => {
    const { watching, job } = await begun();
    const frozen = fleet.agents.get("a")!;
    frozen.signal("SIGSTOP");
    await fleet.ok("jobs", "cancel", job);
    expect((await refusal()).error.code).toBe("lease/held");
    frozen.signal("SIGCONT");
    await watching.ended;
    expect((await show(job)).nodes["a"]).toMatchObject({ status: "cancelled" });
    await otherGoes();
  });

  test("is not begun again by an agent that was killed in it, which would have no turn any more", async () => {
    const { watching, job } = await begun();
    const agent = fleet.agents.get("a")!;
    agent.signal("SIGKILL");
    await agent.ended;
    const before = a.log.length;
    await fleet.restart("a");
    await watching.ended;
    expect((await show(job)).nodes["a"]).toMatchObject({ error: { code: "job/agent-restarted" } });
    await otherGoes();
    expect(a.log.length).toBe(before);
  });
});

describe("what is done to one node of a domain at a time", () => {
  test("is refused for two nodes at once, and for one that is to be waited for", async () => {
    const both = await fleet.json<Failure>("run", "*", "maintenance.run", "acme/one");
    expect(both).toMatchObject({ code: 2, value: { error: { code: "lease/one-node" } } });
    const waits = await fleet.json<Failure>("run", "a", "maintenance.run", "acme/one", "--expire", "1h");
    expect(waits.value.error.code).toBe("lease/one-node");
  });

  test("is not kept for a node that is away, and does not hold the others up", async () => {
    const gone = fleet.agents.get("a")!;
    const after = Date.now();
    await gone.stop();
    await fleet.event("node.disconnected", ({ id, at }) => id === "a" && at >= after);
    const { value } = await restart(fleet, "a");
    expect(value.nodes["a"]).toMatchObject({ status: "offline" });
    await otherGoes();
    await fleet.restart("a");
  });

  test("cannot be had by an apply any more", async () => {
    // The word is taken for the name of a tree, and there is none.
    const { code } = await fleet.json<Failure>("run", "a", "state.apply", "maintenance=true");
    expect(code).toBe(2);
    await fleet.ok("run", "a", "state.apply");
    const { value } = await fleet.json<RunDocument>("run", "a", "maintenance.pending");
    expect(value.nodes["a"]!.return).toMatchObject({ owed: [{ unit: "acme" }] });
  });
});
