/**
 * Goal: a run of states can be followed step by step, has the node for itself,
 * survives the loss of master and bus, and goes on after the agent was killed.
 * Method: a real master and an agent that is not confined, with commands that wait for a gate of the test.
 */
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";

import type { RunReport } from "@boma/states";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";

import { Fleet } from "../support/fleet.ts";
import { jobOf, type RunDocument } from "../support/run.ts";

let fleet: Fleet;
beforeAll(async () => {
  fleet = await Fleet.start();
  await fleet.agent("box", { env: "dev", unconfined: true });
});
afterAll(() => fleet?.[Symbol.asyncDispose]());

type Ended = RunDocument & { readonly nodes: Readonly<Record<string, { readonly return?: RunReport }>> };
const show = async (job: string): Promise<Ended> => (await fleet.json<Ended>("jobs", "show", job)).value;
const path = (name: string): string => join(fleet.dir, name);
const has = (name: string): boolean => existsSync(path(name));
const count = (name: string): number =>
  has(name) ? readFileSync(path(name), "utf8").split("\n").filter(Boolean).length : 0;

function write(name: string, text: string): void {
  const file = join(fleet.home, "site", name);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, text);
}

/** One file, then a command that waits until the gate is there, then a file that hangs on it; the last is refreshed by the first. */
function gatedSite(): void {
  write("top.ts", `import { top } from "@boma/states";\nexport default top({ "*": ["gated"] });\n`);
  write(
    "states/gated.ts",
    `import { cmd, file, tree } from "@boma/states";
const first = file.managed("${path("first")}", { contents: "1\\n" });
const gate = cmd.run("gate", {
  command: "echo began >> ${path("began")}; while [ ! -e ${path("gate")} ]; do sleep 0.05; done; echo done >> ${path("ended")}",
  shell: true, creates: "${path("ended")}", require: first,
});
export default tree(() => [first, gate, file.managed("${path("last")}", { contents: "2\\n", require: gate })]);
`,
  );
}

beforeEach(() => {
  for (const name of ["first", "began", "ended", "last", "gate"]) rmSync(path(name), { force: true });
  gatedSite();
});
const open = (): void => writeFileSync(path("gate"), "");
const begun = async (): Promise<void> => {
  await expect.poll(() => has("began"), { timeout: 30_000 }).toBe(true);
};

describe("a run of states", () => {
  test("tells each declaration as it ends, while the run goes on", async () => {
    const running = fleet.spawn("run", "box", "state.apply", "--output", "ndjson");
    await running.line(/"type":"steps".*file\.managed\([^)]*first\).*"result":"changed"/);
    expect(has("last")).toBe(false);
    open();
    expect((await running.ended).code).toBe(0);
    const events = await fleet.json<{ data: { steps: { id: string; result: string }[] } }[]>(
      "events",
      "job.step",
      "--since",
      "1h",
    );
    const ids = events.value.flatMap(({ data }) => data.steps.map(({ id }) => id));
    expect(ids).toContain(`file.managed(${path("last")})`);
  });

  test("has the node for itself: the next one waits, says for whom, and then runs", async () => {
    const first = fleet.spawn("run", "box", "state.apply");
    const job = await jobOf(first);
    await begun();
    const second = fleet.spawn("run", "box", "file.managed", path("second"), "contents=x");
    await second.line(new RegExp(`waits for job ${job}`));
    expect(has("second")).toBe(false);
    open();
    expect((await first.ended).code).toBe(0);
    expect((await second.ended).code).toBe(0);
    expect(has("second")).toBe(true);
    rmSync(path("second"));
  });

  test("that is cancelled ends what runs, skips the rest, and lets the next one in", async () => {
    const running = fleet.spawn("run", "box", "state.apply");
    const job = await jobOf(running);
    await begun();
    await fleet.ok("jobs", "cancel", job);
    expect((await running.ended).code).toBe(1);
    expect(has("last")).toBe(false);
    open();
    expect((await fleet.json<Ended>("run", "box", "state.apply")).code).toBe(0);
    expect(has("last")).toBe(true);
  });

  test("goes on without its master and its bus, and the return arrives later, once", async () => {
    const running = fleet.spawn("run", "box", "state.apply", "--async");
    const { stdout } = await running.ended;
    const job = stdout.trim().split("\n")[0]!;
    await begun();
    fleet.master.signal("SIGKILL");
    await fleet.master.ended;
    open();
    await expect.poll(() => has("last"), { timeout: 30_000 }).toBe(true);
    await fleet.serve();
    await expect
      .poll(async () => (await show(job)).nodes["box"]!.status, { timeout: 40_000 })
      .toBe("changed");
    expect(count("began")).toBe(1);
    expect(count("ended")).toBe(1);
  });

  test("that waits for a node which is away is what was compiled when it was asked, whatever became of the site and the master since", async () => {
    open();
    const agent = fleet.agents.get("box")!;
    agent.signal("SIGTERM");
    await agent.ended;
    const { stdout } = await fleet.run("run", "box", "state.apply", "--async", "--expire", "10m");
    const job = stdout.trim().split("\n")[0]!;
    fleet.master.signal("SIGKILL");
    await fleet.master.ended;
    write("states/gated.ts", "export default broken(");
    await fleet.serve();
    await fleet.agent("box", { noToken: true, unconfined: true });
    await expect
      .poll(async () => (await show(job)).nodes["box"]!.status, { timeout: 60_000 })
      .toBe("changed");
    expect(has("last")).toBe(true);
  });

  test("that is cancelled while it waits for its turn does nothing, and those behind it still come", async () => {
    const first = fleet.spawn("run", "box", "state.apply");
    await begun();
    const second = fleet.spawn("run", "box", "file.managed", path("second"), "contents=x");
    const job = await jobOf(second);
    await second.line(/waits for/);
    const third = fleet.spawn("run", "box", "file.managed", path("third"), "contents=x");
    await third.line(/waits for/);
    await fleet.ok("jobs", "cancel", job);
    expect((await second.ended).code).toBe(1);
    expect(has("third")).toBe(false);
    open();
    expect((await first.ended).code).toBe(0);
    expect((await third.ended).code).toBe(0);
    expect(has("second")).toBe(false);
    expect(has("third")).toBe(true);
    rmSync(path("third"));
  });

  test("that is cancelled while a check of it hangs says what was done until then, and lets the next one in", async () => {
    write("top.ts", `import { top } from "@boma/states";\nexport default top({ "*": ["hangs"] });\n`);
    write(
      "states/acme/hangs.ts",
      `import { defineState } from "@boma/states";
import { z } from "zod";
export default defineState({
  name: "acme.hangs", summary: "Never ends.", key: "name", params: z.strictObject({ name: z.string() }),
  check: () => new Promise<never>(() => undefined), apply: async () => undefined, examples: [],
});
`,
    );
    write(
      "states/hangs.ts",
      `import { file, tree } from "@boma/states";
import hangs from "./acme/hangs.ts";
export default tree(() => [file.managed("${path("first")}", { contents: "1\\n" }), hangs("x")]);
`,
    );
    const running = fleet.spawn("run", "box", "state.apply", "--output", "ndjson");
    await running.line(/"type":"steps".*first\).*"result":"changed"/);
    const job = JSON.parse(running.lines[0]!) as { record: { job: string } };
    await fleet.ok("jobs", "cancel", job.record.job);
    expect((await running.ended).code).toBe(1);
    const { results } = (await show(job.record.job)).nodes["box"]!.return!;
    expect(results).toMatchObject([
      { id: `file.managed(${path("first")})`, result: "changed" },
      { id: "acme.hangs(x)", result: "failed", error: { code: "state/cancelled" } },
    ]);
    expect((await fleet.run("run", "box", "file.managed", path("first"), "contents=2")).code).toBe(0);
  });

  test("whose agent is killed in the middle is begun again by the next one, and converges", async () => {
    const running = fleet.spawn("run", "box", "state.apply", "--timeout", "120s");
    const job = await jobOf(running);
    await begun();
    const agent = fleet.agents.get("box")!;
    agent.signal("SIGKILL");
    await agent.ended;
    open();
    await fleet.agent("box", { noToken: true, unconfined: true });
    await expect
      .poll(async () => (await show(job)).nodes["box"]!.status, { timeout: 60_000 })
      .toMatch(/changed|ok/);
    expect(has("last")).toBe(true);
    await running.ended;
  });
});

test("a role that may apply the site may not apply states by themselves", async () => {
  open();
  const operator = path("deploy.json");
  await fleet.ok("operator", "add", "deploy", "--run", "state.apply@*", "--out", operator);
  expect((await fleet.run("run", "box", "state.apply", "--operator", operator)).code).toBe(0);
  const denied = await fleet.run(
    "run",
    "box",
    "file.managed",
    path("x"),
    "contents=x",
    "--operator",
    operator,
  );
  expect(denied.code).not.toBe(0);
  expect(denied.stderr).toContain("deploy may not run");
  expect(has("x")).toBe(false);
});
