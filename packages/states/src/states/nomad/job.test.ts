/** Jobs are compared by Nomad itself, and are not done before they run and are well. */
import { describe, expect, test } from "vitest";

import { type Given, memoryHost } from "../../testing/index.ts";
import { tryState } from "../../testing/try-state.ts";
import jobStopped from "./job-stopped.ts";
import job from "./job.ts";

const API = "http://127.0.0.1:4646/v1";
const UUID = "7d5dd5a5-6e0f-4f0a-9a8c-0e6c9b1f2a33";
const PLAN = "nomad operator api -X POST /v1/job/web/plan";
const REGISTER = "nomad operator api -X POST /v1/jobs";

const count = { Type: "Edited", Name: "Count", Old: "1", New: "3" };
const edited = {
  Type: "Edited",
  TaskGroups: [{ Type: "Edited", Name: "g", Fields: [count], Tasks: [{ Type: "None", Name: "t" }] }],
};
const said = (Diff: object, index = 7) => ({ stdout: JSON.stringify({ JobModifyIndex: index, Diff }) });
const none = said({ Type: "None" }, 8);
const taught = { stdout: '{"EvalID":"e","JobModifyIndex":8}', teaches: { [PLAN]: none } };
const want = { spec: { TaskGroups: [] }, token: UUID, within: "1s" };
const placed = { [`GET ${API}/evaluation/e`]: { body: { Status: "complete" } } };

const deployment = (Status: string, more: object = {}) => ({
  ID: "d",
  Status,
  StatusDescription: "",
  JobVersion: 1,
  JobSpecModifyIndex: 8,
  TaskGroups: { g: { DesiredTotal: 1 } },
  ...more,
});
const alloc = (more: object = {}) => ({
  ID: "a",
  TaskGroup: "g",
  NodeName: "web-1",
  ClientStatus: "running",
  DesiredStatus: "run",
  JobVersion: 1,
  CreateIndex: 1,
  ...more,
});
const events = (...known: readonly object[]) => ({ TaskStates: { t: { Failed: true, Events: known } } });
const driver = { Type: "Driver Failure", DisplayMessage: "no such program", Time: Date.now() * 1e6 };
const at = (deployments: readonly object[], allocs: readonly object[] = []): NonNullable<Given["http"]> => ({
  ...placed,
  [`GET ${API}/job/web/deployments`]: { body: deployments },
  [`GET ${API}/job/web/allocations`]: { body: allocs },
});
const changing = { [PLAN]: said(edited), [REGISTER]: taught };

describe("a job", () => {
  test("is changed where Nomad says that it differs, over what it was compared with", async () => {
    const host = memoryHost({ commands: changing, http: at([deployment("successful")]) });
    const sent: unknown[] = [];
    const write = host.ports.commands.write;
    const run = write.run.bind(write);
    write.run = (command) => (sent.push([command.argv, JSON.parse(command.stdin!)]), run(command));
    const { changes, left } = await tryState(job, "web", want, host);
    expect(changes).toEqual({ job: { from: "g.Count = 1", to: "g.Count = 3" } });
    expect(left).toEqual({});
    expect(sent).toMatchObject([[REGISTER.split(" "), { EnforceIndex: true, JobModifyIndex: 7 }]]);
    expect(JSON.stringify(sent)).not.toContain(UUID);
  });

  test("does not differ in how many there are, where somebody else says that", async () => {
    const params = { ...want, keepCounts: true };
    const tried = await tryState(job, "web", params, { commands: { [PLAN]: said(edited) }, http: at([]) });
    expect(tried.changes).toEqual({});
  });

  test("in a namespace is looked for there", async () => {
    const plan = `${PLAN}?namespace=shop`;
    const commands = {
      [plan]: said(edited),
      [`${REGISTER}?namespace=shop`]: { ...taught, teaches: { [plan]: none } },
    };
    const http = {
      ...placed,
      [`GET ${API}/job/web/deployments?namespace=shop`]: { body: [deployment("successful")] },
      [`GET ${API}/job/web/allocations?namespace=shop`]: { body: [] },
    };
    const { left } = await tryState(job, "web", { ...want, namespace: "shop" }, { commands, http });
    expect(left).toEqual({});
    const spec = { Namespace: "others" };
    await expect(tryState(job, "web", { spec }, { commands, http })).rejects.toMatchObject({
      code: "state/params",
    });
  });

  test.each<[string, NonNullable<Given["http"]>]>([
    [
      "no node takes g (${meta.env} = x)",
      {
        ...at([]),
        [`GET ${API}/evaluation/e`]: {
          body: {
            Status: "complete",
            FailedTGAllocs: { g: { ConstraintFiltered: { "${meta.env} = x": 2 } } },
          },
        },
      },
    ],
    [
      "failed: Progress deadline (g on web-1: t: no such program)",
      at([deployment("failed", { StatusDescription: "Progress deadline" })], [alloc(events(driver))]),
    ],
    [
      // What Nomad went back to is well, and is not what was declared.
      "failed: rolled back",
      at([
        deployment("successful", { ID: "back", JobVersion: 2, JobSpecModifyIndex: 9 }),
        deployment("failed", { StatusDescription: "rolled back" }),
      ]),
    ],
    ["t: no such program", at([], [alloc({ ClientStatus: "failed", ...events(driver) })])],
  ])("fails with the reason: %s", async (words, http) => {
    const tried = tryState(job, "web", want, { commands: changing, http });
    await expect(tried).rejects.toMatchObject({
      code: "nomad/job",
      message: expect.stringContaining(words),
    });
  });

  test("that waited for a node is placed by the evaluation that came when there was one", async () => {
    const none = { g: { NodesEvaluated: 0 } };
    const http = {
      ...at([deployment("successful")]),
      [`GET ${API}/evaluation/e`]: { body: { Status: "complete", FailedTGAllocs: none, BlockedEval: "b" } },
      [`GET ${API}/evaluation/b`]: { body: { Status: "complete", FailedTGAllocs: null } },
    };
    expect((await tryState(job, "web", want, { commands: changing, http })).left).toEqual({});
  });

  test("that failed before is no success because nothing has changed since", async () => {
    const old = [alloc({ ...events({ ...driver, Time: 1 }) })];
    const failing = at([deployment("failed")], [alloc({ ClientStatus: "failed", ...events(driver) })]);
    const commands = { [PLAN]: none };
    await expect(tryState(job, "web", want, { commands, http: failing })).rejects.toMatchObject({
      code: "nomad/job",
      hint: expect.stringContaining("Meta"),
    });
    // It came up late, and runs quietly since.
    const late = await tryState(job, "web", want, { commands, http: at([deployment("failed")], old) });
    expect(late.changes).toEqual({});
  });

  test("that Nomad cannot read is refused in its words", async () => {
    const commands = { nomad: { stdout: "Failed to parse job: input.hcl:1,11-14: Argument or block" } };
    await expect(tryState(job, "web", { hcl: "job {" }, { commands })).rejects.toMatchObject({
      code: "nomad/job",
      message: expect.stringContaining("input.hcl:1"),
    });
  });
});

describe("a job that is not to run", () => {
  const running = { [`GET ${API}/job/web`]: { body: { ID: "web", Stop: false } } };
  const stopped = { [`GET ${API}/job/web`]: { body: { ID: "web", Stop: true } } };
  const allocs = (...words: readonly string[]) => ({
    [`GET ${API}/job/web/allocations`]: { body: words.map((word) => alloc({ ClientStatus: word })) },
  });

  test("is stopped, and is not done while something of it runs", async () => {
    const http = {
      ...running,
      ...allocs("running", "complete"),
      [`DELETE ${API}/job/web`]: { makes: stopped },
    };
    const tried = tryState(jobStopped, "web", { within: "1s" }, { http });
    await expect(tried).rejects.toMatchObject({
      code: "nomad/job",
      message: expect.stringContaining("web-1"),
    });
    const ended = { ...http, [`DELETE ${API}/job/web`]: { makes: { ...stopped, ...allocs("complete") } } };
    expect((await tryState(jobStopped, "web", {}, { http: ended })).left).toEqual({});
  });

  test("is forgotten only when it has ended, where that is asked for", async () => {
    const http = {
      ...stopped,
      ...allocs("complete"),
      [`DELETE ${API}/job/web?purge=true`]: { makes: { [`GET ${API}/job/web`]: null } },
    };
    const { changes, left } = await tryState(jobStopped, "web", { purge: true }, { http });
    expect(changes).toEqual({ job: { from: "stopped", to: "forgotten" } });
    expect(left).toEqual({});
    expect((await tryState(jobStopped, "web", {}, { http })).changes).toEqual({});
  });
});
