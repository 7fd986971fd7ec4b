/**
 * Goal: a job of the real Nomad is as it is declared and well, or says why not in the words of what runs; it moves when
 * its node is drained, and no death of an agent in between leaves the node out of service.
 * Method: three Debian hosts on a bridge, a real master, and Nomad out of a signed archive. Jobs run programs of the host.
 */
import { afterAll, beforeAll, expect, test } from "vitest";

import { changed, clean, Cluster, DEV, errors, PROD, SERVER, UP_MS_MAX } from "../support/nomad.ts";

const JOB = "nomad.job(sleeper)";
const MARK = "/var/lib/boma/nomad/drained.json";
/** Ends when it is killed, and not before: what drains it has to wait. */
const STUBBORN = ["/bin/sh", "-c", "trap '' INT TERM; while :; do sleep 1; done"];
const SLEEPER = ["/bin/sleep", "90001"];

let cluster: Cluster;

beforeAll(async () => {
  cluster = await Cluster.start();
  const [error] = errors(await cluster.apply("*"));
  if (error !== undefined) throw new Error(error);
}, 15 * 60_000);
afterAll(async () => {
  await cluster?.[Symbol.asyncDispose]();
});

const up = { timeout: UP_MS_MAX };

test(
  "a job that cannot be started fails with what its task said, each time until it is mended",
  up,
  async () => {
    const before = await cluster.running(DEV);
    expect(before.allocs).toHaveLength(1);
    cluster.declare({ runs: ["/bin/no-such-program"] });
    const [first] = errors(await cluster.apply(SERVER));
    expect(first).toMatch(/nomad\/job .*g on dev1: t: .*no-such-program/);
    // Nothing has changed since, and nothing is well.
    const [second] = errors(await cluster.apply(SERVER));
    expect(second).toMatch(/nomad\/job .*has failed.*no-such-program/);
    cluster.declare({ runs: SLEEPER });
    expect(errors(await cluster.apply(SERVER))).toEqual([]);
    expect((await cluster.running(DEV)).allocs).toHaveLength(1);
    expect(changed(await cluster.apply("*"))).toEqual(clean);
  },
);

test("that Nomad went back to the job of before is no success", up, async () => {
  cluster.declare({ revert: true });
  expect(errors(await cluster.apply(SERVER))).toEqual([]);
  cluster.declare({ runs: ["/bin/false"] });
  expect(errors(await cluster.apply(SERVER))[0]).toMatch(/nomad\/job .*rolling back/);
  cluster.declare({ runs: SLEEPER });
  await cluster.runsOn(DEV, 1);
});

test("a job that no node may take says why, and is placed when one may", up, async () => {
  cluster.declare({ env: "nowhere", within: "2s", revert: false });
  expect(errors(await cluster.apply(SERVER))[0]).toMatch(/no node takes g \(\$\{meta\.env\} = nowhere\)/);
  cluster.declare({ env: "prod", within: "90s" });
  expect(errors(await cluster.apply(SERVER))).toEqual([]);
  expect((await cluster.running(PROD)).allocs).toHaveLength(1);
});

test("what somebody changed by hand is found, and put right", up, async () => {
  await cluster.manage(SERVER, "job", "scale", "-detach", "sleeper", "g", "2");
  const plan = await cluster.apply(SERVER);
  expect(plan[SERVER]!.results.find(({ id }) => id === JOB)).toMatchObject({
    result: "changed",
    changes: { job: { from: expect.stringContaining("g.Count = 2") } },
  });
  await cluster.runsOn(PROD, 1);
  expect(changed(await cluster.apply("*"))).toEqual(clean);
});

test("a change that what runs would not outlive waits until the node is drained", up, async () => {
  cluster.declare({ env: "dev" });
  expect(errors(await cluster.apply(SERVER))).toEqual([]);
  cluster.declare({ pool: "other" });
  expect(errors(await cluster.apply(DEV))[0]).toMatch(/state\/blocked .*client\.node_pool.*nomad\.drain/);
  cluster.declare({ env: "" });
  expect(errors(await cluster.apply(SERVER))).toEqual([]);
  await cluster.ask(DEV, "nomad.drain", "deadline=30s", "reason=pool");
  expect((await cluster.running(DEV)).pids).toBe("");
  await cluster.runsOn(PROD, 1);
  expect(errors(await cluster.apply(DEV))).toEqual([]);
  expect(errors(await cluster.maintain(DEV))).toEqual([]);
  expect(await cluster.status(DEV)).toMatchObject({
    drained: { reason: "pool" },
    client: { takesJobs: false },
  });
  expect(await cluster.ask(DEV, "nomad.undrain")).toEqual({ changed: true });
  expect(await cluster.status(DEV)).toMatchObject({ client: { takesJobs: true } });
});

test("an agent that is killed in the middle of a drain leaves no node out of service", up, async () => {
  cluster.declare({ env: "prod", runs: STUBBORN, killTimeoutMs: 18_000 });
  expect(errors(await cluster.apply(SERVER))).toEqual([]);
  await cluster.runsOn(PROD, 1);
  const draining = cluster.ask<{ moved: number }>(PROD, "nomad.drain", "deadline=5m", "for=1s");
  const isDraining = async () => (await cluster.status(PROD)).client?.draining;
  await expect.poll(isDraining, { timeout: 30_000 }).toBe(true);
  await cluster.restartBoma(PROD);
  // It is noted on the disk, and the job that was cut off is taken up again.
  expect(await cluster.hosts[PROD]!.read(MARK)).toContain("maintenance");
  await draining;
  expect((await cluster.running(PROD)).allocs).toEqual([]);
  expect(await cluster.status(PROD)).toMatchObject({ client: { takesJobs: false } });
  expect(changed(await cluster.apply(PROD))[PROD]!.join()).toContain(`nomad.eligible(${PROD})`);
  expect(await cluster.status(PROD)).toMatchObject({ client: { takesJobs: true } });
  expect(await cluster.hosts[PROD]!.exists(MARK)).toBe(false);
});

test("a drain that somebody else began is left to them", up, async () => {
  const end = await cluster.manage(PROD, "node", "eligibility", "-disable", "-self");
  expect(end).toMatchObject({ exitCode: 0 });
  expect(changed(await cluster.apply(PROD))[PROD]).toEqual([]);
  expect(await cluster.status(PROD)).toMatchObject({ client: { takesJobs: false } });
  await cluster.manage(PROD, "node", "eligibility", "-enable", "-self");
});

test("a job that is not to run ends before that is done; forgotten is more", up, async () => {
  cluster.declare({ job: "stopped" });
  expect(errors(await cluster.apply(SERVER))).toEqual([]);
  for (const name of [DEV, PROD]) expect((await cluster.running(name)).pids).toBe("");
  expect(await cluster.manage(SERVER, "job", "status", "sleeper")).toMatchObject({
    stdout: expect.stringMatching(/Status +=.*dead/),
  });
  expect(changed(await cluster.apply("*"))).toEqual(clean);
  cluster.declare({ job: "purged" });
  expect(errors(await cluster.apply(SERVER))).toEqual([]);
  expect(await cluster.manage(SERVER, "job", "status", "sleeper")).toMatchObject({ exitCode: 1 });
  expect(changed(await cluster.apply("*"))).toEqual(clean);
});
