/** Nodes that are away or frozen: named at once, waited for where that was asked, and never forgotten. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";

import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { Fleet, type ToldEvent } from "../support/fleet.ts";
import { run, type RunDocument } from "../support/run.ts";

let fleet: Fleet;
beforeAll(async () => {
  fleet = await Fleet.start();
  await fleet.agent("box", { unconfined: true });
  await fleet.emulate(2, "n");
});
afterAll(() => fleet?.[Symbol.asyncDispose]());

/** Stops the agent, and resolves when the bus has said so. */
async function away(id: string): Promise<void> {
  const after = Date.now();
  await fleet.agents.get(id)!.stop();
  await fleet.event("node.disconnected", (event) => event.id === id && event.at >= after);
}
const back = (id: string) => fleet.restart(id, { unconfined: id === "box" });
const show = async (job: string) => (await fleet.json<RunDocument>("jobs", "show", job)).value;
const ended = (job: string) => fleet.event("job.finished", (event) => event.job === job);
const lines = (file: string) => readFileSync(file, "utf8").split("\n").length - 1;

describe("a node that is away", () => {
  test("ends a read as offline at once, by name, while the others answer, and the exit code is 5", async () => {
    await away("box");
    const { code, value } = await run(fleet, "*", "test.ping");
    expect(code).toBe(5);
    expect(value.expected).toEqual(["box", "n-0001", "n-0002"]);
    expect(value.nodes["box"]).toMatchObject({ status: "offline", error: { code: "node/offline" } });
    expect(value.summary).toEqual({ ok: 2, offline: 1 });
    await back("box");
  });

  test("finds what was written for it when it returns, and does it once", async () => {
    await away("box");
    const file = join(fleet.dir, "returned");
    const { code, stdout } = await fleet.run("run", "box", "cmd.run", `echo once >> ${file}`, "shell=true");
    expect(code).toBe(5);
    expect(stdout).toMatch(/^box is not connected; the job waits in its mailbox$/m);
    expect(stdout).toMatch(/^queued +box$/m);
    const job = /^job (\w+):/m.exec(stdout)![1]!;
    expect(stdout).toContain(`boma-master jobs attach ${job}`);
    expect((await show(job)).nodes["box"]).toMatchObject({ status: "queued" });
    await back("box");
    await ended(job);
    expect((await show(job)).nodes["box"]).toMatchObject({ status: "ok" });
    expect(lines(file)).toBe(1);
    // A further start of the agent finds the same mailbox, and does nothing again.
    await away("box");
    await back("box");
    await run(fleet, "box", "test.ping");
    expect(lines(file)).toBe(1);
  });

  test("is too late after the job's expiry: it is expired, and never runs", async () => {
    await away("box");
    const file = join(fleet.dir, "expired");
    const { code, value } = await run(fleet, "box", "cmd.run", `touch ${file}`, "--expire", "1s");
    expect(code).toBe(5);
    expect(value.nodes["box"]!.status).toBe("queued");
    await ended(value.job);
    expect((await show(value.job)).nodes["box"]).toMatchObject({ status: "expired" });
    await back("box");
    await run(fleet, "box", "test.ping");
    expect(existsSync(file)).toBe(false);
  });

  test("never runs what was cancelled while it was away", async () => {
    await away("box");
    const file = join(fleet.dir, "cancelled");
    const { value } = await run(fleet, "box", "cmd.run", `touch ${file}`);
    await fleet.ok("jobs", "cancel", value.job);
    await ended(value.job);
    expect((await show(value.job)).nodes["box"]).toMatchObject({ status: "cancelled" });
    await back("box");
    await run(fleet, "box", "test.ping");
    expect(existsSync(file)).toBe(false);
  });

  test("waits for its turn when it returns in the middle of a batch", async () => {
    await away("box");
    const words = ["box or n-0001", "test.sleep", "5", "--expire", "1h", "--batch", "1"];
    const job = (await fleet.ok("run", ...words, "--async")).trim();
    await fleet.event("job.accepted", (event) => event.job === job && event.id === "n-0001");
    await back("box");
    await ended(job);
    expect((await show(job)).summary).toEqual({ ok: 2 });
    const { value } = await fleet.json<ToldEvent[]>("events", "job.*", "--since", "1h");
    const course = value.filter((event) => event.job === job && event.id !== undefined);
    expect(course.map(({ kind, id }) => `${kind} ${id}`)).toEqual([
      "job.accepted n-0001",
      "job.returned n-0001",
      "job.accepted box",
      "job.returned box",
    ]);
  });
});

describe("a frozen agent", () => {
  test("is named as not answering to a read, long before the time of the job is up, and the exit code is 5", async () => {
    const box = fleet.agents.get("box")!;
    box.signal("SIGSTOP");
    try {
      const { code, value } = await run(fleet, "*", "test.ping", "--timeout", "10m");
      expect(code).toBe(5);
      expect(value.summary).toEqual({ ok: 2, timeout: 1 });
      expect(value.nodes["box"]).toMatchObject({ status: "timeout", error: { code: "node/not-answering" } });
      box.signal("SIGCONT");
      // What it says afterwards is told, and changes nothing.
      const late = await fleet.event("job.late", ({ job }) => job === value.job);
      expect(late).toMatchObject({ id: "box", data: { status: "ok" } });
      expect((await show(value.job)).nodes["box"]).toMatchObject({ status: "timeout" });
    } finally {
      box.signal("SIGCONT");
    }
  });

  test("is shown as not answering during a write, waited for, and ends right when it thaws", async () => {
    const box = fleet.agents.get("box")!;
    const file = join(fleet.dir, "thawed");
    box.signal("SIGSTOP");
    try {
      await using watching = fleet.spawn("run", "box", "cmd.run", `echo once >> ${file}`, "shell=true");
      await watching.line(/^box is connected, but does not answer; waiting for it$/);
      expect(existsSync(file)).toBe(false);
      box.signal("SIGCONT");
      expect(await watching.ended).toMatchObject({ code: 0 });
      expect(lines(file)).toBe(1);
    } finally {
      box.signal("SIGCONT");
    }
  });
});
