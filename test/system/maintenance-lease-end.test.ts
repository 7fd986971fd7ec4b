/**
 * Goal: an operator sees whose turn it is, and can end the turn of a node that is dead, and of no other by mistake.
 * Method: real agents with a daemon of the site's own, whose restart waits until the test lets it go; a node dies by
 * the death of its agent.
 */
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";

import { Fleet } from "../support/fleet.ts";
import { owe, restart, Restarts } from "../support/restarts.ts";
import { type Failure, jobOf, type RunDocument } from "../support/run.ts";

interface Held {
  readonly domain: string;
  readonly node: string;
  readonly job: string;
  readonly connected: boolean;
}

const IDS = ["a", "b"] as const;
const DOMAIN = "acme/one";

let fleet: Fleet;
const restarts = new Map<string, Restarts>();
beforeAll(async () => {
  fleet = await Fleet.start();
  await Promise.all(IDS.map((id) => fleet.agent(id)));
  for (const id of IDS) restarts.set(id, new Restarts(fleet, id));
  await owe(fleet);
}, 180_000);
afterAll(() => fleet?.[Symbol.asyncDispose]());

beforeEach(async () => {
  await owe(fleet);
  for (const one of restarts.values()) one.hold();
}, 120_000);

const logOf = (id: string): readonly string[] => restarts.get(id)!.log;

/** A restart that has begun, and ends when it is let go. */
async function begun(id: string) {
  const before = logOf(id).length;
  const watching = fleet.spawn("run", id, "maintenance.run", DOMAIN);
  const job = await jobOf(watching);
  await expect.poll(() => logOf(id).length, { timeout: 30_000 }).toBe(before + 1);
  // The master has heard so, too.
  await fleet.event("job.accepted", (event) => event.job === job);
  return { watching, job };
}

/** A node whose agent dies in the middle. */
async function dead(id: string) {
  const { watching, job } = await begun(id);
  const after = Date.now();
  const agent = fleet.agents.get(id)!;
  agent.signal("SIGKILL");
  await agent.ended;
  await fleet.event("node.disconnected", (event) => event.id === id && event.at >= after);
  return { watching, job };
}

async function goes(id: string): Promise<void> {
  restarts.get(id)!.letGo();
  const { code, value } = await restart(fleet, id);
  expect({ code, status: value.nodes[id]?.status }).toEqual({ code: 0, status: "changed" });
}

const held = async (): Promise<Held[]> => (await fleet.json<Held[]>("leases", "list")).value;
const end = (...words: readonly string[]) =>
  fleet.json<Failure & Held>("leases", "end", DOMAIN, "--reason", "its power supply burnt", ...words);
const endingOf = async (job: string, id: string) =>
  (await fleet.json<RunDocument>("jobs", "show", job)).value.nodes[id];

test("who holds what is shown while it is held, with the job and whether its node is there", async () => {
  expect(await held()).toEqual([]);
  const { watching, job } = await begun("a");
  expect(await held()).toMatchObject([
    {
      domain: DOMAIN,
      node: "a",
      job,
      operator: expect.any(String) as string,
      state: "open",
      status: "running",
      connected: true,
      revoked: false,
      until: expect.any(Number) as number,
    },
  ]);
  const { stdout } = await fleet.run("leases", "list");
  expect(stdout).toMatch(
    new RegExp(`acme/one +a +connected +${job} +open, running .* ago +within 1[56] min`),
  );
  restarts.get("a")!.letGo();
  expect((await watching.ended).code).toBe(0);
  expect((await fleet.run("leases", "list")).stdout).toBe("no lease is held\n");
});

test("the lease of a dead node is ended by a word and a reason, and the others have their turn", async () => {
  const { watching, job } = await dead("a");
  expect(await held()).toMatchObject([
    { node: "a", connected: false, awaySince: expect.any(Number) as number },
  ]);
  const refused = await fleet.json<Failure>("run", "b", "maintenance.run", DOMAIN);
  expect(refused.value.error.hint).toContain(`boma-master leases end ${DOMAIN}`);
  expect((await end()).code).toBe(0);
  expect((await watching.ended).code).not.toBe(0);
  expect(await endingOf(job, "a")).toMatchObject({
    status: "timeout",
    error: { code: "lease/ended", message: expect.stringContaining("its power supply burnt") as string },
  });
  const other = await begun("b");
  const told = await fleet.event("lease.ended", (event) => event.job === job);
  expect(told).toMatchObject({ id: "a", operator: expect.any(String) as string });
  expect(told.data).toMatchObject({ domain: DOMAIN, reason: "its power supply burnt", forced: false });
  const audit = JSON.stringify((await fleet.json("audit", "show")).value);
  expect(audit).toContain("lease.end");
  expect(audit).toContain("its power supply burnt");
  // What it says when it comes back is too late, and takes nothing from whoever has it by then.
  await fleet.restart("a");
  await fleet.event("job.late", (event) => event.job === job);
  expect(await held()).toMatchObject([{ node: "b", job: other.job }]);
  restarts.get("b")!.letGo();
  expect((await other.watching.ended).code).toBe(0);
});

test("while its node is there, only who says so with force ends it, and the node is told to stop", async () => {
  const { watching, job } = await begun("a");
  const refused = await end();
  expect(refused.value.error).toMatchObject({ code: "lease/alive" });
  expect(await held()).toMatchObject([{ job }]);
  const before = logOf("a").length;
  expect((await end("--force")).code).toBe(0);
  expect((await watching.ended).code).not.toBe(0);
  const told = await fleet.event("lease.ended", (event) => event.job === job);
  expect(told.data).toMatchObject({ forced: true });
  await fleet.event("job.late", (event) => event.job === job);
  expect(logOf("a").length).toBe(before);
  await goes("b");
});

test("whoever names a job that does not hold it any more ends nothing", async () => {
  const first = await begun("a");
  restarts.get("a")!.letGo();
  await first.watching.ended;
  const second = await begun("b");
  const stale = await end("--job", first.job, "--force");
  expect(stale.value.error.code).toBe("lease/gone");
  expect(stale.value.error.message).toContain(`by job ${second.job} on b`);
  expect(await held()).toMatchObject([{ job: second.job }]);
  restarts.get("b")!.letGo();
  await second.watching.ended;
  expect((await end("--job", second.job)).value.error.code).toBe("lease/gone");
});

test("of two who end it at once one does, and the other is told that it is not held any more", async () => {
  const { job } = await begun("a");
  const ends = await Promise.all([1, 2, 3].map(() => end("--job", job, "--force")));
  expect(ends.filter(({ code }) => code === 0)).toHaveLength(1);
  for (const { code, value } of ends) if (code !== 0) expect(value.error.code).toBe("lease/gone");
  await fleet.event("job.late", (event) => event.job === job);
});

test("it needs the right to run on that node what the lease is held for", async () => {
  await fleet.ok("operator", "add", "eve", "--read", "--run", "maintenance.*@b", "--out", `${fleet.dir}/eve`);
  const { watching, job } = await begun("a");
  const denied = await end("--force", "--operator", `${fleet.dir}/eve`);
  expect(denied.value.error.code).toBe("operator/denied");
  expect(await held()).toMatchObject([{ job }]);
  restarts.get("a")!.letGo();
  await watching.ended;
  const other = await begun("b");
  expect((await end("--force", "--operator", `${fleet.dir}/eve`)).code).toBe(0);
  expect((await other.watching.ended).code).not.toBe(0);
});

test("a node that is revoked while it is away holds nothing any more; one that was there holds it on", async () => {
  const there = await begun("b");
  await fleet.ok("revoke", "b");
  expect(await held()).toMatchObject([{ node: "b", job: there.job, connected: false, revoked: true }]);
  expect((await end()).code).toBe(0);
  await there.watching.ended;
  const { watching, job } = await dead("a");
  await fleet.ok("revoke", "a");
  expect(await held()).toEqual([]);
  await watching.ended;
  expect(await endingOf(job, "a")).toMatchObject({ error: { code: "lease/ended" } });
});
