/** Steering jobs: cancelling, batches, leaving and coming back, several operators at once. */
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { Fleet, type ToldEvent } from "../support/fleet.ts";
import { jobOf, run, type RunDocument } from "../support/run.ts";

let fleet: Fleet;
beforeAll(async () => {
  fleet = await Fleet.start();
  await fleet.agent("box", { unconfined: true });
  await fleet.emulate(20, "n");
});
afterAll(() => fleet?.[Symbol.asyncDispose]());

const show = async (job: string) => (await fleet.json<RunDocument>("jobs", "show", job)).value;
const finished = (job: string) => fleet.event("job.finished", (event) => event.job === job);
const eventsOf = async (job: string) =>
  (await fleet.json<ToldEvent[]>("events", "job.*", "--since", "1h")).value.filter(
    (event) => event.job === job,
  );

/** Processes whose command line holds this text. */
function living(text: string): string[] {
  return readdirSync("/proc").filter((pid) => {
    if (!/^\d+$/.test(pid)) return false;
    try {
      return readFileSync(`/proc/${pid}/cmdline`, "latin1").split("\0").includes(text);
    } catch {
      return false; // It ended while we looked.
    }
  });
}

describe("cancelling", () => {
  test("ends the command with all that it started, even what left its session, and the node says so", async () => {
    // Nobody else's sleep has these lengths, and none that an earlier test left behind.
    const [inner, outer] = [`86399.1${process.pid}`, `86399.2${process.pid}`];
    // The first has another session and no parent left that we know; only what it inherited tells whose it is.
    const command = `setsid sh -c 'sleep ${inner} &'; (sleep ${outer} &) ; echo begun; wait; sleep 86399.5`;
    await using watching = fleet.spawn("run", "box", "cmd.run", command, "shell=true", "--timeout", "1h");
    await using other = fleet.spawn("run", "n-0001", "test.sleep", "2");
    const job = await jobOf(watching);
    await watching.line(/^box │ begun$/);
    await expect.poll(() => [living(inner).length, living(outer).length]).toEqual([1, 1]);
    expect(await fleet.run("jobs", "cancel", job)).toMatchObject({ code: 0 });
    const { code, stdout } = await watching.ended;
    expect(code).toBe(1);
    expect(stdout).toMatch(/^cancelled box$/m);
    expect([...living(inner), ...living(outer)]).toEqual([]);
    expect(await show(job)).toMatchObject({ nodes: { box: { status: "cancelled" } } });
    const returned = (await eventsOf(job)).filter(({ kind }) => kind === "job.returned");
    expect(returned).toMatchObject([{ id: "box", data: { status: "cancelled" } }]);
    expect(await other.ended).toMatchObject({ code: 0 });
  });

  test("is refused for a job that has ended, and for one that never was", async () => {
    const { value } = await run(fleet, "n-0001", "test.ping");
    const over = await fleet.run("jobs", "cancel", value.job);
    expect(over).toMatchObject({ code: 2 });
    expect(over.stderr).toContain("is not open any more");
    const never = await fleet.json("jobs", "cancel", "01K8Z3V6Q4T0C7M2N9X5B1HREA");
    expect(never).toMatchObject({ code: 2, value: { error: { code: "job/unknown" } } });
  });
});

describe("batches", () => {
  test("of one are never two at a time, and reach every node", async () => {
    const { code, value } = await run(fleet, "n-000[1-4]", "test.sleep", "0.3", "--batch", "1");
    expect(code).toBe(0);
    expect(value.summary).toEqual({ ok: 4 });
    let running = 0;
    let most = 0;
    for (const { kind } of await eventsOf(value.job)) {
      if (kind === "job.accepted") most = Math.max(most, ++running);
      if (kind === "job.returned") running -= 1;
    }
    expect({ most, running }).toEqual({ most: 1, running: 0 });
  });

  test("of a share are as many nodes as that share is", async () => {
    const { value } = await run(fleet, "n-*", "test.sleep", "0.3", "--batch", "25%");
    expect(value.summary).toEqual({ ok: 20 });
    let running = 0;
    let most = 0;
    for (const { kind } of await eventsOf(value.job)) {
      if (kind === "job.accepted") most = Math.max(most, ++running);
      if (kind === "job.returned") running -= 1;
    }
    expect(most).toBe(5);
  });

  test("stop with --max-fail 0 at the first failure: the rest is cancelled, and the exit code is 1", async () => {
    const words = ["n-000[1-3]", "cmd.run", "true", "--batch", "1", "--max-fail", "0"] as const;
    const { code, value } = await run(fleet, ...words);
    expect(code).toBe(1);
    expect(value.summary).toEqual({ refused: 1, cancelled: 2 });
    const stopped = Object.values(value.nodes).filter(({ status }) => status === "cancelled");
    for (const node of stopped) expect(node.error).toMatchObject({ code: "job/stopped" });
    expect((await eventsOf(value.job)).filter(({ kind }) => kind === "job.accepted").length).toBeLessThan(2);
  });
});

describe("leaving a job alone", () => {
  test("--async prints the job's id and nothing else, and `jobs attach` replays its lines and its end", async () => {
    const gate = join(fleet.dir, "async");
    const command = `echo first; while [ ! -e ${gate} ]; do sleep 0.05; done; echo second`;
    const { code, stdout } = await fleet.run("run", "box", "cmd.run", command, "shell=true", "--async");
    expect(code).toBe(0);
    const job = stdout.trim();
    expect(job).toMatch(/^[0-9A-Z]{26}$/);
    await fleet.event("job.line", (event) => event.job === job);
    await using watching = fleet.spawn("jobs", "attach", job);
    await watching.line(/^box │ first$/);
    writeFileSync(gate, "");
    await watching.line(/^box │ second$/);
    expect(await watching.ended).toMatchObject({ code: 0 });
    const again = await fleet.run("jobs", "attach", job);
    expect(again.stdout).toMatch(/^box │ first\nbox │ second$/m);
    expect(again).toMatchObject({ code: 0 });
  });

  test("Ctrl-C leaves at once, says how to go on, ends with 5, and the job goes on", async () => {
    const [gate, done] = [join(fleet.dir, "left"), join(fleet.dir, "left.done")];
    const command = `echo begun; while [ ! -e ${gate} ]; do sleep 0.05; done; touch ${done}`;
    await using watching = fleet.spawn("run", "box", "cmd.run", command, "shell=true");
    const job = await jobOf(watching);
    await watching.line(/^box │ begun$/);
    watching.signal("SIGINT");
    const { code, stderr } = await watching.ended;
    expect(code).toBe(5);
    expect(stderr).toContain(`job ${job} goes on`);
    expect(stderr).toContain(`boma-master jobs attach ${job}`);
    expect(stderr).toContain(`boma-master jobs cancel ${job}`);
    // It was still there to be left: nothing had ended it, or opened the gate.
    expect(existsSync(done)).toBe(false);
    expect(await show(job)).toMatchObject({ state: "open", nodes: { box: { status: "running" } } });
    writeFileSync(gate, "");
    await finished(job);
    expect(existsSync(done)).toBe(true);
    expect(await show(job)).toMatchObject({ state: "closed", ok: true });
  });

  test("Ctrl-C with --json is one document that says so", async () => {
    await using watching = fleet.spawn("run", "n-00??", "test.sleep", "600", "--json");
    const { job } = await fleet.event("job.started", ({ data }) => data["target"] === "n-00??");
    await fleet.event("job.accepted", (event) => event.job === job);
    watching.signal("SIGINT");
    const { code, stdout } = await watching.ended;
    expect(code).toBe(5);
    expect(JSON.parse(stdout)).toMatchObject({ ok: false, detached: true, summary: { running: 20 } });
    await fleet.ok("jobs", "cancel", job!);
  });
});

describe("several command lines at once", () => {
  test("each get every one of their results", async () => {
    const runs = await Promise.all(
      ["a", "b", "c", "d", "e"].map(async (word) => ({
        word,
        ...(await run(fleet, "n-*", "test.echo", word)),
      })),
    );
    for (const { word, code, value } of runs) {
      expect(code).toBe(0);
      expect(value.expected).toHaveLength(20);
      expect(Object.values(value.nodes).map((node) => [node.status, node.return])).toEqual(
        Array.from({ length: 20 }, () => ["ok", word]),
      );
    }
    expect(new Set(runs.map(({ value }) => value.job)).size).toBe(5);
  });

  test("follow one job, and both see it to its end", async () => {
    const { stdout } = await fleet.run("run", "n-*", "test.sleep", "1", "--async");
    const job = stdout.trim();
    const both = await Promise.all([1, 2].map(() => fleet.json<RunDocument>("jobs", "attach", job)));
    for (const { code, value } of both) expect([code, value.summary]).toEqual([0, { ok: 20 }]);
  });
});

describe("an operator who may not", () => {
  test("is told why, ends with 1, sends nothing, and the refusal is an event", async () => {
    const file = join(fleet.dir, "anna.json");
    await fleet.ok("operator", "add", "anna", "--run", "test.*@n-*", "--out", file);
    const anna = ["--operator", file] as const;
    expect(await run(fleet, "n-0001", "test.ping", ...anna)).toMatchObject({ code: 0 });
    const elsewhere = await run(fleet, "*", "test.ping", ...anna);
    expect(elsewhere).toMatchObject({ code: 1, value: { ok: false, error: { code: "operator/denied" } } });
    expect(elsewhere.value).toMatchObject({ error: { message: expect.stringContaining("box") } });
    const other = await run(fleet, "n-0001", "cmd.run", "true", ...anna);
    expect(other).toMatchObject({ code: 1, value: { error: { code: "operator/denied" } } });
    const denied = await fleet.event("operator.denied", ({ operator }) => operator === "anna");
    expect(denied.data).toMatchObject({
      verb: "job.start",
      reason: expect.stringContaining("anna may not run"),
    });
  });
});
