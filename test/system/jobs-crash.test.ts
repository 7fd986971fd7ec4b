/** Agent, master and bus are killed in the middle of a job: the job still ends right, and its effect happened once. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { DEADLINE_GRACE_MS } from "@boma/protocol";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { Fleet } from "../support/fleet.ts";
import { OwnBus } from "../support/own-bus.ts";
import type { TestProcess } from "../support/process.ts";
import { jobOf, run, type RunDocument } from "../support/run.ts";

let fleet: Fleet;
beforeAll(async () => {
  fleet = await Fleet.start();
  await fleet.agent("box", { unconfined: true });
  await fleet.emulate(2, "n");
});
afterAll(() => fleet?.[Symbol.asyncDispose]());

const show = async (job: string) => (await fleet.json<RunDocument>("jobs", "show", job)).value;

/** After a restart of the bus the nodes come back one by one. */
async function allConnected(): Promise<void> {
  const connected = async () =>
    (await fleet.json<{ connected: boolean }[]>("nodes")).value.every((node) => node.connected);
  await expect.poll(connected, { timeout: 30_000 }).toBe(true);
}

interface Gated {
  readonly watching: TestProcess;
  readonly job: string;
  /** Lets the command end. */
  readonly open: () => void;
  /** How often it began, and how often it came to its end. */
  readonly counts: () => { begun: number; ended: number };
}

/** A command on `box` that counts its beginnings and ends, and waits in between until it is let go. */
async function gated(name: string): Promise<Gated> {
  await allConnected();
  const [log, gate] = [join(fleet.dir, `${name}.log`), join(fleet.dir, `${name}.gate`)];
  const command = `echo begun | tee -a ${log}; while [ ! -e ${gate} ]; do sleep 0.05; done; echo ended | tee -a ${log}`;
  const watching = fleet.spawn("run", "box", "cmd.run", command, "shell=true");
  const job = await jobOf(watching);
  await watching.line(/^box │ begun$/);
  const count = (word: string) =>
    readFileSync(log, "utf8")
      .split("\n")
      .filter((line) => line === word).length;
  return {
    watching,
    job,
    open: () => writeFileSync(gate, ""),
    counts: () => ({ begun: count("begun"), ended: count("ended") }),
  };
}

async function killMaster(): Promise<void> {
  fleet.master.signal("SIGKILL");
  await fleet.master.ended;
}

describe("an agent that is killed in the middle of a job", () => {
  test("is said to have lost its connection, and after its return the job failed because the agent restarted", async () => {
    const { watching, job, open, counts } = await gated("agent");
    fleet.agents.get("box")!.signal("SIGKILL");
    await watching.line(/^box lost its connection; waiting for it$/);
    await fleet.restart("box", { unconfined: true });
    const { code, stdout } = await watching.ended;
    expect(code).toBe(1);
    expect(stdout).toMatch(/^failed +box$/m);
    expect((await show(job)).nodes["box"]).toMatchObject({
      status: "failed",
      error: { code: "job/agent-restarted" },
    });
    expect(counts()).toEqual({ begun: 1, ended: 0 });
    // Nothing ends what a killed agent left behind; where it is a service, its unit does.
    open();
  });

  test("does what may be done twice again, and returns the answer", async () => {
    const box = fleet.agents.get("box")!;
    box.signal("SIGSTOP");
    const path = join(fleet.dir, "again");
    // It writes, so the master waits for it to its deadline; one that only reads is given up soon.
    const words = ["state.single", "file.managed", path, 'params={"contents":"again"}', "--timeout", "3m"];
    await using watching = fleet.spawn("run", "box", ...words);
    const job = await jobOf(watching);
    // The order lies in its mailbox, and it has not taken it when it dies.
    box.signal("SIGKILL");
    await fleet.restart("box", { unconfined: true });
    // Whoever watched may have left: nothing was begun on a node that was gone.
    await fleet.event("job.finished", (event) => event.job === job);
    expect((await show(job)).nodes["box"]).toMatchObject({ status: "changed" });
    expect(readFileSync(path, "utf8")).toBe("again");
  });
});

describe("a master that is killed in the middle of a job", () => {
  test("takes the job up again, and the command line that follows it ends with the truth", async () => {
    const { watching, job, open, counts } = await gated("master");
    await killMaster();
    await fleet.serve();
    open();
    const { code, stdout } = await watching.ended;
    expect(stdout).toMatch(/^ok +box$/m);
    // What was seen before the break is not shown again after it.
    expect(stdout.match(/^box │ begun$/gm)).toHaveLength(1);
    expect(code).toBe(0);
    expect((await show(job)).nodes["box"]).toMatchObject({ status: "ok" });
    expect(counts()).toEqual({ begun: 1, ended: 1 });
  });

  test("gets the return that its node had while no master was there", async () => {
    const { watching, job, open, counts } = await gated("absent");
    await killMaster();
    open();
    await expect.poll(() => counts().ended, { timeout: 20_000 }).toBe(1);
    await fleet.serve();
    expect(await watching.ended).toMatchObject({ code: 0 });
    expect((await show(job)).nodes["box"]).toMatchObject({ status: "ok" });
    expect(counts()).toEqual({ begun: 1, ended: 1 });
  });

  test("does not call nodes offline that are on their way back with it", async () => {
    await allConnected();
    await using watching = fleet.spawn("run", "n-*", "test.sleep", "8", "--timeout", "60s");
    const job = await jobOf(watching);
    await Promise.all(
      ["n-0001", "n-0002"].map((id) =>
        fleet.event("job.accepted", (event) => event.job === job && event.id === id),
      ),
    );
    await killMaster();
    await fleet.serve();
    expect(await watching.ended).toMatchObject({ code: 0 });
    expect((await show(job)).summary).toEqual({ ok: 2 });
  });

  test("keeps a job that waits for a node, and gives it to the node afterwards", async () => {
    const after = Date.now();
    await fleet.agents.get("box")!.stop();
    await fleet.event("node.disconnected", ({ id, at }) => id === "box" && at >= after);
    const log = join(fleet.dir, "queued.log");
    const { value } = await run(fleet, "box", "cmd.run", `echo once >> ${log}`, "shell=true");
    expect(value.nodes["box"]!.status).toBe("queued");
    await killMaster();
    await fleet.serve();
    await fleet.restart("box", { unconfined: true });
    await fleet.event("job.finished", ({ job }) => job === value.job);
    expect((await show(value.job)).nodes["box"]).toMatchObject({ status: "ok" });
    expect(readFileSync(log, "utf8")).toBe("once\n");
  });
});

describe("a bus that is killed in the middle of a job", () => {
  test("comes back, and so do the agent, the master and the command line: the job ends right", async () => {
    const { watching, job, open, counts } = await gated("bus");
    process.kill(fleet.busPid, "SIGKILL");
    await fleet.master.line(/the bus changed its state/);
    open();
    const { code, stdout } = await watching.ended;
    expect(stdout).toMatch(/^ok +box$/m);
    // What was seen before the break is not shown again after it.
    expect(stdout.match(/^box │ begun$/gm)).toHaveLength(1);
    expect(code).toBe(0);
    expect((await show(job)).nodes["box"]).toMatchObject({ status: "ok" });
    expect(counts()).toEqual({ begun: 1, ended: 1 });
  });

  test("and is away for longer than the job may take: what its node did in time is not called late", async () => {
    await using apart = await Fleet.prepare();
    await using bus = await OwnBus.start(apart);
    await apart.serve("--nats", bus.url);
    await apart.emulate(1, "n");
    await using watching = apart.spawn("run", "n-0001", "test.sleep", "1", "--timeout", "3s");
    const job = await jobOf(watching);
    const { at } = await apart.event("job.accepted", (event) => event.job === job);
    await bus.kill();
    // That the job's time is over is what this is about.
    await expect.poll(Date.now, { timeout: 10_000 }).toBeGreaterThan(at + 4_000 + DEADLINE_GRACE_MS);
    await bus.serve();
    const { code, stdout, stderr } = await watching.ended;
    expect(stdout).toMatch(/^ok +n-0001$/m);
    expect(code).toBe(0);
    // Who watches is told of the break, and of what he has seen already nothing again.
    expect(stderr).toContain("lost the line to the master, and looks for it");
    expect(stdout.match(/^job /gm)).toHaveLength(1);
    // It would wait for a bus that goes away before it.
    await apart.master.stop();
  });
});
