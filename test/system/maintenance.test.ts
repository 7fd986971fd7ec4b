/** What waits for maintenance is told, waits for its window or for a reason, and is done one node after another. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";

import { Fleet } from "../support/fleet.ts";
import { owe, restart, Restarts } from "../support/restarts.ts";
import { type Failure, run } from "../support/run.ts";

let fleet: Fleet;
let nodes: readonly Restarts[];
beforeAll(async () => {
  fleet = await Fleet.start();
  await Promise.all([fleet.agent("a"), fleet.agent("b")]);
  nodes = ["a", "b"].map((id) => new Restarts(fleet, id));
  for (const node of nodes) node.letGo();
  await owe(fleet, { open: false });
  await owe(fleet, { open: false });
}, 180_000);
afterAll(() => fleet?.[Symbol.asyncDispose]());

interface Pending {
  readonly windows: number;
  readonly owed: readonly { readonly since: number; readonly window: object }[];
}
interface Maintained {
  readonly domains: readonly {
    readonly state: string;
    readonly why?: string;
    readonly left: readonly string[];
  }[];
}
interface Told {
  readonly id: string;
  readonly data: { readonly since: number };
}
const told = async (kind: string) =>
  (await fleet.json<Told[]>("events", kind, "--since", "1h")).value.filter(({ id }) => id === "a");
const maintain = (...words: readonly string[]) => fleet.json<Maintained & Failure>("maintain", "*", ...words);

test("a restart that is owed is told once, with what made it owed, and shown by who asks", async () => {
  const { data } = await fleet.event("maintenance.owed", ({ id }) => id === "a");
  expect(data).toMatchObject({
    resource: "acme.daemon(acme)",
    unit: "acme",
    domain: "acme/one",
    cause: "file.managed(/conf)",
    days: 0,
  });
  await run(fleet, "*", "state.apply");
  const { value } = await run(fleet, "a", "maintenance.pending");
  const pending = value.nodes["a"]!.return as Pending;
  expect(pending).toMatchObject({
    windows: 0,
    owed: [{ unit: "acme", cause: "file.managed(/conf)", window: { open: false, at: null }, role: null }],
  });
  expect(pending.owed[0]!.since).toBe(data["since"]);
  expect(await told("maintenance.owed")).toHaveLength(1);
});

describe("outside of every window", () => {
  test("the node itself refuses, and says what would be needed", async () => {
    const { code, value } = await restart(fleet, "a");
    expect(code).toBe(1);
    expect(value.nodes["a"]).toMatchObject({
      status: "refused",
      error: {
        code: "maintenance/window",
        message: expect.stringContaining("no maintenance.window") as string,
      },
    });
    expect(nodes[0]!.log).toEqual([]);
  });

  test("nothing is restarted, what is left is named, and the exit code says that it is not all", async () => {
    const { code, value } = await maintain();
    expect(code).toBe(5);
    expect(value.domains).toMatchObject([{ state: "shut", left: ["a", "b"] }]);
    expect(nodes.flatMap(({ log }) => log)).toEqual([]);
  });

  test("a dry run shows it, and is no failure", async () => {
    const { code, stdout } = await fleet.run("maintain", "*", "--dry-run");
    expect(code).toBe(0);
    expect(stdout).toMatch(/^acme\/one +a +acme +\S.* +- +none +file\.managed\(\/conf\) changed$/m);
  });

  test("now wants a reason, before anything is asked of anybody", async () => {
    expect(await maintain("--now")).toMatchObject({ code: 2, value: { error: { code: "usage/argument" } } });
  });

  test("who may look and not restart is told so, and nothing is restarted", async () => {
    const ci = `${fleet.dir}/ci`;
    await fleet.ok("operator", "add", "ci", "--run", "maintenance.pending@*", "--out", ci);
    const { code, value } = await maintain("--now", "--reason", "a test", "--operator", ci);
    expect(code).toBe(1);
    expect(value.domains).toMatchObject([
      { state: "stopped", why: expect.stringContaining("may not run maintenance.run") as string },
    ]);
    expect(nodes.flatMap(({ log }) => log)).toEqual([]);
  });

  test("with a reason one node after another is done, the reason is in the audit, and it is told as settled", async () => {
    const { code, value } = await maintain("--now", "--reason", "CVE-2026-1234");
    expect({ code, domains: value.domains }).toMatchObject({
      code: 0,
      domains: [{ state: "done", left: [] }],
    });
    for (const { log } of nodes) expect(log).toEqual(["begun", "ended"]);
    expect(JSON.stringify((await fleet.json("audit", "show")).value)).toContain('"reason":"CVE-2026-1234"');
    await fleet.event("maintenance.settled", ({ id }) => id === "a");
    expect((await fleet.run("maintain", "*")).stdout).toBe("nothing waits for maintenance\n");
  });
});

describe("within a window", () => {
  beforeEach(() => owe(fleet));

  test("no reason is needed, and an agent that was restarted meanwhile still knows what it owes", async () => {
    await fleet.agents.get("a")!.stop();
    await fleet.restart("a");
    const { code } = await maintain("--domain", "acme/one");
    expect(code).toBe(0);
    for (const { log } of nodes) expect(log).toEqual(["begun", "ended", "begun", "ended"]);
  });
});
