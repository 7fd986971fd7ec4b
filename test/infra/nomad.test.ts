/**
 * Goal: a server and two clients of the real Nomad come up from one tree; a job is placed by what boma says of the
 * machines, outlives a restart of its agent, and moves when its node is drained.
 * Method: three Debian hosts on a bridge, a real master, and Nomad out of a signed archive. Jobs run programs of the host.
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import type { RunReport } from "@boma/states";
import { afterAll, beforeAll, expect, test } from "vitest";

import { Fleet } from "../support/fleet.ts";
import { type Host, onBridge, startHost } from "../support/host.ts";
import { infraRepo, type InfraRepo } from "../support/infra/repo.ts";
import { run } from "../support/run.ts";

const SERVER = "n1";
const DEV = "dev1";
const PROD = "prod1";
const NAMES = [SERVER, DEV, PROD];
const UP_MS_MAX = 5 * 60_000;

interface Knobs {
  readonly log: "info" | "debug";
  readonly pool: string;
  readonly reservedPorts: string;
  /** Which environment the job asks for; nothing: whichever. */
  readonly env?: string;
  readonly argument: string;
}

const siteOf = (repo: InfraRepo, addresses: Readonly<Record<string, string>>, knobs: Knobs): string => `
import { apt, nomad, nomadKit, secret, top, tree } from "@boma/states";
const addresses = ${JSON.stringify(addresses)};
const knobs = ${JSON.stringify(knobs)};
const management = secret("gen:nomad/management?enc=uuid");
const base = tree(({ node: { id } }) => {
  const isServer = id === "${SERVER}";
  const archive = apt.repo("infra", {
    uris: [${JSON.stringify(repo.uri)}],
    suites: [${JSON.stringify(repo.suite)}],
    components: [${JSON.stringify(repo.component)}],
    key: ${JSON.stringify(repo.key)},
    fingerprints: [${JSON.stringify(repo.fingerprint)}],
  });
  const kit = nomadKit({
    node: id,
    require: archive,
    agent: {
      bind: addresses[id],
      servers: [addresses["${SERVER}"]],
      acl: true,
      logLevel: knobs.log,
      operatorToken: management,
      ...(isServer
        ? { mode: "server", bootstrapExpect: 1, gossipKey: secret("gen:nomad/gossip") }
        : {
            mode: "client",
            meta: { env: id === "${DEV}" ? "dev" : "prod" },
            hostVolumes: { data: { path: "/srv/data", mode: "0750" } },
            plugins: { rawExec: true },
            reserved: { ports: knobs.reservedPorts },
            options: { "fingerprint.denylist": "env_aws,env_gce,env_azure,env_digitalocean" },
            ...(id === "${DEV}" && { nodePool: knobs.pool }),
          }),
    },
    gate: false,
  });
  const up = kit.at(-1);
  const patient = { attempts: 60, interval: "1s" };
  const gate = (more) => nomad.ready(id, { mode: isServer ? "server" : "client", token: management, within: "90s", ...more });
  if (!isServer)
    return [archive, kit, nomad.eligible(id, { token: management, require: up, retry: patient }),
      gate({ drivers: ["raw_exec"], drained: true, require: up })];
  const open = gate({ servers: 1, require: up });
  const first = nomad.aclBootstrap("global", { token: management, require: open });
  const job = nomad.job("sleeper", {
    token: management,
    require: first,
    within: "90s",
    spec: {
      Datacenters: ["*"],
      NodePool: "all",
      ...(knobs.env && { Constraints: [{ LTarget: "\${meta.env}", RTarget: knobs.env, Operand: "=" }] }),
      TaskGroups: [{
        Name: "g",
        Volumes: { data: { Name: "data", Type: "host", Source: "data" } },
        Tasks: [{
          Name: "t",
          Driver: "raw_exec",
          Config: { command: "/bin/sleep", args: [knobs.argument] },
          Resources: { CPU: 50, MemoryMB: 32 },
        }],
      }],
    },
  });
  const policy = nomad.aclPolicy("readers", {
    token: management, require: first, rules: { namespace: { default: { policy: "read" } } },
  });
  return [archive, kit, open, first, policy, job];
});
export default top({ "*": [base] });
`;

const hosts: Record<string, Host> = {};
let fleet: Fleet;
let repo: InfraRepo;
let knobs: Knobs = { log: "info", pool: "default", reservedPorts: "22", env: "dev", argument: "90001" };

function declare(change: Partial<Knobs> = {}): void {
  knobs = { ...knobs, ...change };
  const addresses = Object.fromEntries(NAMES.map((name) => [name, hosts[name]!.address]));
  mkdirSync(join(fleet.home, "site"), { recursive: true });
  writeFileSync(join(fleet.home, "site/top.ts"), siteOf(repo, addresses, knobs));
}

async function apply(
  target: string,
  ...args: readonly string[]
): Promise<Readonly<Record<string, RunReport>>> {
  const { value } = await run(fleet, target, "state.apply", ...args);
  if (!("nodes" in value)) throw new Error(`the apply was not begun: ${JSON.stringify(value)}`);
  return Object.fromEntries(Object.entries(value.nodes).map(([id, end]) => [id, end.return as RunReport]));
}

/** What each declaration came to that is not as it should be, by node. */
const changed = (applied: Readonly<Record<string, RunReport>>) =>
  Object.fromEntries(
    Object.entries(applied).map(([id, { results }]) => [
      id,
      results
        .filter(({ result }) => result !== "ok")
        .map((one) => `${one.id}: ${one.error?.message ?? one.comment}`),
    ]),
  );

const errors = (applied: Readonly<Record<string, RunReport>>) =>
  Object.values(applied).flatMap(({ results }) =>
    results.flatMap(({ id, error }) => (error ? [`${id}: ${error.code} ${error.message}`] : [])),
  );

interface Status {
  readonly client?: {
    readonly takesJobs: boolean;
    readonly allocations: readonly { id: string; job: string; status: string }[];
  };
  readonly drained?: { readonly reason: string };
}

async function ask<T>(name: string, called: string, ...args: readonly string[]): Promise<T> {
  const { value } = await run(fleet, name, called, ...args);
  return value.nodes[name]!.return as T;
}

/** The allocations of the job on a node, and the processes that they are. */
async function running(name: string): Promise<{ readonly allocs: readonly string[]; readonly pids: string }> {
  const { client } = await ask<Status>(name, "nomad.status");
  const allocs = client!.allocations.filter(({ status }) => status === "running").map(({ id }) => id);
  const { stdout } = await hosts[name]!.run(["pgrep", "--full", `^/bin/sleep ${knobs.argument}$`]);
  return { allocs, pids: stdout.trim() };
}

const clean = Object.fromEntries(NAMES.map((name) => [name, []]));

beforeAll(async () => {
  for (const name of NAMES) hosts[name] = await startHost({ name });
  repo = await infraRepo(["nomad"]);
  fleet = await Fleet.start(await onBridge());
  for (const name of NAMES) await hosts[name]!.enrol(fleet);
  declare();
}, 10 * 60_000);
afterAll(async () => {
  await fleet?.[Symbol.asyncDispose]();
  await repo?.[Symbol.asyncDispose]();
  for (const host of Object.values(hosts)) await host[Symbol.asyncDispose]();
});

test(
  "a server and two clients come up from one tree, and a job runs where `meta.env` says",
  { timeout: UP_MS_MAX },
  async () => {
    expect(errors(await apply("*"))).toEqual([]);
    expect((await running(DEV)).allocs).toHaveLength(1);
    expect((await running(DEV)).pids).toMatch(/^\d+$/);
    expect(await running(PROD)).toEqual({ allocs: [], pids: "" });
    expect(await hosts[DEV]!.must(["stat", "-c", "%F %a", "/srv/data"])).toContain("directory 750");
  },
);

test("a second time nothing is changed", { timeout: UP_MS_MAX }, async () => {
  expect(changed(await apply("*"))).toEqual(clean);
});

test(
  "a restart for another configuration leaves the job as it is: same allocation, same process",
  { timeout: UP_MS_MAX },
  async () => {
    const before = await running(DEV);
    const pid = await hosts[DEV]!.must(["systemctl", "show", "--value", "-p", "MainPID", "nomad"]);
    declare({ log: "debug", reservedPorts: "22,8080" });
    const waiting = await apply(DEV);
    expect(waiting[DEV]!.results.find(({ id }) => id.startsWith("service.running"))).toMatchObject({
      pending: expect.stringContaining("maintenance"),
    });
    expect(errors(await apply("*", "maintenance=true"))).toEqual([]);
    expect(await hosts[DEV]!.must(["systemctl", "show", "--value", "-p", "MainPID", "nomad"])).not.toBe(pid);
    expect(await running(DEV)).toEqual(before);
    expect(changed(await apply("*"))).toEqual(clean);
  },
);

test("what Nomad would not start with never comes into place", { timeout: UP_MS_MAX }, async () => {
  const before = await hosts[DEV]!.read("/etc/nomad.d/boma.json");
  declare({ reservedPorts: "8000-22" });
  expect(errors(await apply(DEV))[0]).toContain("nomad/config");
  expect(await hosts[DEV]!.read("/etc/nomad.d/boma.json")).toBe(before);
  declare({ reservedPorts: "22,8080" });
});

test(
  "a change that what runs would not outlive waits until the node is drained",
  { timeout: UP_MS_MAX },
  async () => {
    declare({ pool: "other" });
    expect(errors(await apply(DEV))[0]).toMatch(/state\/blocked .*client\.node_pool.*nomad\.drain/);
    declare({ env: "" });
    expect(errors(await apply(SERVER))).toEqual([]);
    await ask(DEV, "nomad.drain", "deadline=30s", "reason=pool");
    expect((await running(DEV)).pids).toBe("");
    await expect.poll(async () => (await running(PROD)).allocs.length, { timeout: 30_000 }).toBe(1);
    expect(errors(await apply(DEV, "maintenance=true"))).toEqual([]);
    expect(await ask<Status>(DEV, "nomad.status")).toMatchObject({
      drained: { reason: "pool" },
      client: { takesJobs: false },
    });
    expect(await ask(DEV, "nomad.undrain")).toEqual({ changed: true });
    expect(await ask<Status>(DEV, "nomad.status")).toMatchObject({ client: { takesJobs: true } });
  },
);

test(
  "a drain whose time is over is ended by the next apply, and one that somebody else began is left",
  { timeout: UP_MS_MAX },
  async () => {
    await ask(DEV, "nomad.drain", "deadline=30s", "for=1s");
    expect(changed(await apply(DEV))[DEV]!.join()).toContain("nomad.eligible(dev1)");
    expect(await ask<Status>(DEV, "nomad.status")).toMatchObject({ client: { takesJobs: true } });
    const { token } = JSON.parse(await hosts[DEV]!.read("/etc/nomad.d/boma-operator.json")) as {
      token: string;
    };
    await hosts[DEV]!.must(["sh", "-c", "NOMAD_TOKEN=$(cat) nomad node eligibility -disable -self"], {
      stdin: token,
    });
    expect(changed(await apply(DEV))[DEV]).toEqual([]);
    expect(await ask<Status>(DEV, "nomad.status")).toMatchObject({ client: { takesJobs: false } });
  },
);
