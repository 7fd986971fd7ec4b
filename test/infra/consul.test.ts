/**
 * Goal: three servers and a client of the real Consul come up from one tree, are encrypted, and get ACLs in two stages;
 * what would break them is refused, or said by the gate with its cause.
 * Method: four Debian hosts on a bridge, a real master that makes the keys, and Consul out of a signed archive.
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import type { RunReport } from "@boma/states";
import { afterAll, beforeAll, expect, test } from "vitest";

import { certificates, CLIENT, type Knobs, NAMES, SERVERS, siteOf } from "../support/consul.ts";
import { Fleet } from "../support/fleet.ts";
import { type Host, onBridge, startHost } from "../support/host.ts";
import { infraRepo, type InfraRepo } from "../support/infra/repo.ts";
import { run } from "../support/run.ts";

/** Four hosts, and a package on each of them. */
const UP_MS_MAX = 5 * 60_000;
const APPLY_MS_MAX = 4 * 60_000;

const hosts: Record<string, Host> = {};
let fleet: Fleet;
let repo: InfraRepo;
let knobs: Knobs = { policy: "allow", gossip: "first" };

function declare(change: Partial<Knobs> = {}): void {
  knobs = { ...knobs, ...change };
  const addresses = Object.fromEntries(NAMES.map((name) => [name, hosts[name]!.address]));
  mkdirSync(join(fleet.home, "site"), { recursive: true });
  writeFileSync(join(fleet.home, "site/top.ts"), siteOf(repo, addresses, knobs));
}

interface Applied {
  readonly status: string;
  readonly report: RunReport;
}

async function reported(...words: readonly string[]): Promise<Readonly<Record<string, Applied>>> {
  const { value } = await run(fleet, ...words);
  if (!("nodes" in value)) throw new Error(`it was not begun: ${JSON.stringify(value)}`);
  return Object.fromEntries(
    Object.entries(value.nodes).map(([id, end]) => {
      if (!end.return) throw new Error(`${words[1]} on ${id}: ${JSON.stringify(end)}`);
      return [id, { status: end.status, report: end.return as RunReport }];
    }),
  );
}

const apply = (target: string) => reported(target, "state.apply");

/** What each declaration came to that is not as it should be, by node. */
const changed = (applied: Readonly<Record<string, Applied>>) =>
  Object.fromEntries(
    Object.entries(applied).map(([id, { report }]) => [
      id,
      report.results
        .filter(({ result }) => result !== "ok")
        .map((one) => `${one.id}: ${one.error?.message ?? one.comment}`),
    ]),
  );

const UNCHANGED = Object.fromEntries(NAMES.map((name) => [name, []]));

/** What went wrong, by node: a test that shows it says why. */
const failed = (applied: Readonly<Record<string, Applied>>) =>
  Object.fromEntries(
    Object.entries(applied)
      .map(
        ([id, { report }]) =>
          [
            id,
            report.results.flatMap(({ id: of, error }) => (error ? [`${of}: ${error.message}`] : [])),
          ] as const,
      )
      .filter(([, errors]) => errors.length > 0),
  );

async function ask<T>(name: string, called: string): Promise<T> {
  const { value } = await run(fleet, name, called);
  return value.nodes[name]!.return as T;
}

/** The API of an agent without any token. */
const api = (name: string, path: string) =>
  hosts[name]!.run(["curl", "--silent", "--show-error", "--fail-with-body", `http://127.0.0.1:8500${path}`]);

const leader = async (at: string): Promise<string> =>
  (await ask<{ leader: string }>(at, "consul.leader")).leader;
const nameAt = (address: string): string =>
  SERVERS.find((name) => address.startsWith(`${hosts[name]!.address}:`)) ?? "";

/** Until a node sees another one again, or no more. */
async function alive(seenBy: string, name: string, is = true): Promise<void> {
  const look = async (): Promise<boolean> => {
    const members = await ask<{ name: string; status: string }[]>(seenBy, "consul.members");
    return members.find((one) => one.name === name)?.status === "alive";
  };
  await expect.poll(look, { timeout: 90_000, interval: 1000 }).toBe(is);
}

/** When the servers would bear the loss of one of them. */
async function safe(name: string, is = true): Promise<void> {
  const role = () => ask(name, "consul.role");
  await expect.poll(role, { timeout: 120_000, interval: 1000 }).toMatchObject({ safe: is });
}

const keysOf = async (name: string): Promise<string[]> =>
  JSON.parse(await hosts[name]!.read("/opt/consul/serf/local.keyring")) as string[];

beforeAll(async () => {
  for (const name of NAMES) hosts[name] = await startHost({ name });
  repo = await infraRepo(["consul"]);
  fleet = await Fleet.start(await onBridge());
  for (const name of NAMES) await hosts[name]!.enrol(fleet);
  declare();
}, 45 * 60_000);
afterAll(async () => {
  await fleet?.[Symbol.asyncDispose]();
  await repo?.[Symbol.asyncDispose]();
  for (const host of Object.values(hosts)) await host[Symbol.asyncDispose]();
});

test(
  "three servers and a client come up from one tree, with ACLs and encrypted",
  { timeout: UP_MS_MAX },
  async () => {
    const applied = await apply("*");
    expect(failed(applied)).toEqual({});
    expect(nameAt(await leader(CLIENT))).not.toBe("");
    const members = await ask<{ name: string; status: string; role: string }[]>(CLIENT, "consul.members");
    expect(members.map(({ name, status, role }) => `${name} ${status} ${role}`).toSorted()).toEqual([
      ...SERVERS.map((name) => `${name} alive server`),
      `${CLIENT} alive client`,
    ]);
    expect((await keysOf("c1")).length).toBe(1);
  },
);

test("a second time nothing is changed", { timeout: APPLY_MS_MAX }, async () => {
  expect(changed(await apply("*"))).toEqual(UNCHANGED);
});

test("a service is known to all, and is well", async () => {
  await expect
    .poll(
      async () =>
        (JSON.parse((await api("c2", "/v1/health/service/web?passing")).stdout) as unknown[]).length,
      { timeout: 30_000 },
    )
    .toBe(1);
});

test(
  "a configuration that Consul would not start with never comes into place",
  { timeout: APPLY_MS_MAX },
  async () => {
    const before = await hosts[CLIENT]!.read("/etc/consul.d/boma.json");
    const pid = await hosts[CLIENT]!.must(["systemctl", "show", "--value", "-p", "MainPID", "consul"]);
    declare({ bind: { [CLIENT]: '{{ GetInterfaceIP "nowhere" }}' } });
    const { report } = (await apply(CLIENT))[CLIENT]!;
    expect(report.results.find(({ id }) => id === `consul.agent(${CLIENT})`)?.error).toMatchObject({
      code: "consul/config",
    });
    expect(await hosts[CLIENT]!.read("/etc/consul.d/boma.json")).toBe(before);
    expect(await hosts[CLIENT]!.must(["systemctl", "show", "--value", "-p", "MainPID", "consul"])).toBe(pid);
    declare({ bind: {} });
  },
);

test(
  "who brings no token is refused once `deny` is in force: a restart that waits for maintenance",
  { timeout: UP_MS_MAX },
  async () => {
    expect((await api(CLIENT, "/v1/kv/apps/mode?raw")).stdout).toBe("fast");
    declare({ policy: "deny" });
    const waiting = await apply("*");
    for (const name of NAMES)
      expect(
        waiting[name]!.report.results.find(({ id }) => id === "service.running(consul.service)"),
      ).toMatchObject({
        pending: expect.stringContaining("maintenance"),
      });
    expect((await api(CLIENT, "/v1/kv/apps/mode?raw")).stdout).toBe("fast");
    const last = nameAt(await leader(CLIENT));
    for (const name of [CLIENT, ...SERVERS.filter((one) => one !== last), last]) {
      await safe(name);
      const { report } = (await reported(name, "maintenance.run", "consul/dc1", "reason=it is a test"))[
        name
      ]!;
      expect(report.results.find(({ id }) => id === "service.running(consul.service)")?.comment).toContain(
        "refreshed",
      );
    }
    expect((await api(CLIENT, "/v1/kv/apps/mode?raw")).exitCode).not.toBe(0);
    expect(changed(await apply("*"))).toEqual(UNCHANGED);
  },
);

const gossip = async () =>
  (await apply("c1"))["c1"]!.report.results.find(({ id }) => id === "consul.gossip-key(dc1)")?.error;

test(
  "the gossip key is exchanged in all members and the old one is gone, and not while one of them is away",
  { timeout: UP_MS_MAX },
  async () => {
    const [old] = await keysOf("c1");
    declare({ gossip: "second" });
    await hosts[CLIENT]!.link("down");
    // At first nobody has noticed who it is that does not answer.
    const early = await gossip();
    await alive("c1", CLIENT, false);
    const late = await gossip();
    await hosts[CLIENT]!.link("up");
    expect(early).toMatchObject({ code: "state/blocked" });
    expect(late).toMatchObject({ code: "state/blocked", message: expect.stringContaining(CLIENT) });
    expect(await keysOf("c1")).toEqual([old]);
    await alive("c1", CLIENT);
    expect(failed(await apply("*"))).toEqual({});
    for (const name of NAMES) {
      const keys = await keysOf(name);
      expect([name, keys.length, keys[0] === old]).toEqual([name, 1, false]);
    }
    expect(changed(await apply("*"))).toEqual(UNCHANGED);
  },
);

test(
  "an agent with another gossip key is not let in, and the gate says why",
  { timeout: APPLY_MS_MAX },
  async () => {
    const host = hosts[CLIENT]!;
    await host.must(["systemctl", "stop", "consul"]);
    await host.must(["rm", "-r", "/opt/consul/serf"]);
    declare({ ownGossip: { [CLIENT]: "strange" }, within: "10s" });
    const wrong = (await apply(CLIENT))[CLIENT]!.report.results.find(
      ({ id }) => id === `consul.ready(${CLIENT})`,
    );
    expect(wrong?.error).toMatchObject({
      code: "gate/closed",
      message: expect.stringMatching(/misconfigured: .*its gossip key is not the cluster's/),
    });
    await host.must(["systemctl", "stop", "consul"]);
    await host.must(["rm", "-r", "/opt/consul/serf"]);
    declare({ ownGossip: {}, within: "90s" });
    expect((await apply(CLIENT))[CLIENT]!.status).toBe("changed");
  },
);

test(
  "without its leader the cluster finds another, a gate of a server says who is missing, and it comes back",
  { timeout: UP_MS_MAX },
  async () => {
    const first = nameAt(await leader(CLIENT));
    const other = SERVERS.find((name) => name !== first)!;
    await hosts[first]!.link("down");
    await expect
      .poll(async () => ["", first].includes(nameAt(await leader(other))), { timeout: 60_000, interval: 500 })
      .toBe(false);
    await safe(other, false);
    await alive(other, first, false);
    declare({ within: "2s" });
    const gate = (await apply(other))[other]!.report.results.find(
      ({ id }) => id === `consul.ready(${other})`,
    );
    expect(gate?.error).toMatchObject({ code: "gate/closed", message: expect.stringContaining(first) });
    const connected = fleet.event("node.connected", ({ id }) => id === first);
    await hosts[first]!.link("up");
    await connected;
    declare({ within: "90s" });
    await alive(other, first);
    await safe(other);
    expect(changed(await apply("*"))).toEqual(UNCHANGED);
  },
);

test(
  "a new cluster comes up with certificates, `deny`, and a first token that it was given; its state is saved",
  { timeout: UP_MS_MAX },
  async () => {
    for (const name of NAMES) {
      await hosts[name]!.must(["systemctl", "stop", "consul"]);
      await hosts[name]!.must(["find", "/opt/consul", "-mindepth", "1", "-delete"]);
    }
    await certificates("ours", Object.values(hosts));
    declare({ strict: true, gossip: "third", policy: "deny" });
    const applied = await apply("*");
    expect(failed(applied)).toEqual({});
    const bootstrap = applied["c1"]!.report.results.find(({ id }) => id === "consul.acl-bootstrap(dc1)");
    expect(bootstrap).toMatchObject({ result: "ok" });
    const { value } = await run(fleet, "c1", "consul.snapshot", "/var/backups/consul.snap");
    expect(value.nodes["c1"]).toMatchObject({ status: "changed", return: { index: expect.any(Number) } });
    expect(changed(await apply("*"))).toEqual(UNCHANGED);
  },
);

test("an agent with certificates of somebody else is refused, and the gate says why", async () => {
  await certificates("theirs", [hosts[CLIENT]!]);
  await hosts[CLIENT]!.must(["systemctl", "restart", "consul"]);
  declare({ within: "5s" });
  const gate = (await apply(CLIENT))[CLIENT]!.report.results.find(
    ({ id }) => id === `consul.ready(${CLIENT})`,
  );
  expect(gate?.error).toMatchObject({
    code: "gate/closed",
    message: expect.stringMatching(/misconfigured: .*certificates are refused/),
  });
});
