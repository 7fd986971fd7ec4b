/**
 * Goal: the site of `examples/` compiles as it stands, types included, and is what it says that it is: who gets which
 * declarations of which stage, and what comes in through whose firewall.
 * Method: the real `boma-master check` and the real compiler, for a machine of each profile in each environment.
 */
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

import type { Grains } from "@boma/protocol";
import { type CatalogEntry, STAGES } from "@boma/states/core";
import { afterAll, beforeAll, expect, test } from "vitest";

import { chooseProfile } from "../../packages/master/src/site/profile.ts";
import { type Compiled, SiteCompiler } from "../../packages/master/src/site/site-compiler.ts";
import { TestProcess } from "../support/process.ts";
import { program } from "../support/programs.ts";

const EXAMPLE = fileURLToPath(new URL("../../examples/site", import.meta.url));

interface Sample {
  readonly grains: Grains;
  readonly assigned: Readonly<Record<string, string | string[]>>;
}

/** A check writes into the site where the types are. */
const dir = mkdtempSync(join(tmpdir(), "boma-example-"));
const inventory = join(EXAMPLE, "inventory.json");
const samples = (JSON.parse(readFileSync(inventory, "utf8")) as { nodes: Record<string, Sample> }).nodes;
let compiler: SiteCompiler;
let compiled: ReadonlyMap<string, Compiled | Error>;
const notes: string[] = [];

beforeAll(async () => {
  cpSync(EXAMPLE, dir, { recursive: true });
  // As `init` writes it.
  writeFileSync(
    join(dir, "tsconfig.json"),
    '{ "extends": "./.boma/tsconfig.json", "include": ["**/*.ts"] }\n',
  );
  compiler = new SiteCompiler({ site: dir, note: (text) => notes.push(text) });
  compiled = await compiler.compile(
    Object.entries(samples).map(([id, sample]) => ({ key: id, id, ...sample })),
  );
});
afterAll(async () => {
  await compiler?.close();
  rmSync(dir, { recursive: true });
});

function compiledOf(id: string): Compiled {
  const result = compiled.get(id);
  if (!result || result instanceof Error) throw result ?? new Error(`${id} was not compiled`);
  return result;
}
const entriesOf = (id: string): readonly CatalogEntry[] => compiledOf(id).catalog.entries;

/** By stage, in the order of a cold start; what has no unit of a stage is left out. */
const stagesOf = (id: string): Readonly<Record<string, readonly string[]>> =>
  Object.fromEntries(
    STAGES.flatMap((stage) => {
      const ids = entriesOf(id).flatMap((entry) => (entry.stage === stage ? [entry.id] : []));
      return ids.length > 0 ? [[stage, ids]] : [];
    }),
  );

interface Need {
  readonly proto: string;
  readonly port: number | string;
  readonly exposure: string;
  readonly from?: readonly string[];
  readonly owner: string;
}
/** What the firewall lets in, and for whom. */
function openOf(id: string): readonly string[] {
  const filter = entriesOf(id).find(({ state }) => state === "firewall.filter")!;
  return (filter.params["needs"] as readonly Need[])
    .filter(({ exposure }) => exposure !== "none")
    .map(({ proto, port, exposure, from, owner }) =>
      [`${proto}/${port}`, exposure, ...(from ? [`from ${from.join(", ")}`] : []), "for", owner].join(" "),
    )
    .toSorted();
}

test(
  "`boma-master check` finds nothing wrong with it, and has nothing to warn of",
  { timeout: 180_000 },
  async () => {
    await using check = new TestProcess(process.execPath, [
      program("master"),
      "check",
      ...`--site ${dir} --inventory ${inventory} --json`.split(" "),
    ]);
    const { code, stdout, stderr } = await check.ended;
    expect(JSON.parse(stdout || `"${stderr}"`)).toMatchObject({
      ok: true,
      errors: [],
      nodes: Object.keys(samples).map((id) => ({ id, warnings: [] })),
    });
    expect(code).toBe(0);
    expect(notes).toEqual([]);
  },
);

test("the samples have the roles that their profiles give to machines of their names", async () => {
  const { profiles, errors } = await compiler.load();
  expect(errors).toEqual([]);
  for (const [id, { assigned }] of Object.entries(samples)) {
    const { profile } = chooseProfile(profiles, { macs: [], hostname: id });
    expect([id, profile?.name, profile?.roles]).toEqual([id, assigned["profile"], assigned["role"]]);
  }
});

const CLIENT = (id: string) => ({
  time: ["chrony.config(node)", "time.synced(node)"],
  firewall: ["firewall.filter(node)"],
  consul: [
    `consul.agent(${id})`,
    `consul.settings(${id})`,
    "service.running(consul.service)",
    `consul.ready(${id})`,
  ],
  nomad: [
    `nomad.agent(${id})`,
    `nomad.settings(${id})`,
    "service.running(nomad.service)",
    `nomad.eligible(${id})`,
    `nomad.ready(${id})`,
  ],
});

test("a worker in dev has its time, its firewall, and clients of Consul and Nomad, and no more", () => {
  expect(stagesOf("dev-aspen-1")).toEqual(CLIENT("dev-aspen-1"));
});

const FSID = "8b0d7a52-6a52-4a70-9a35-0f7a5d6f4c11";

test("a worker in prod has its part of Ceph as well, from monitor to mount", () => {
  expect(stagesOf("prod-aspen-1")).toEqual({
    ...CLIENT("prod-aspen-1"),
    storage: [
      "ceph.cluster(ceph)",
      "ceph.mon(prod-aspen-1)",
      "service.running(ceph-mon@prod-aspen-1)",
      `ceph.quorum(${FSID})`,
      "ceph.mgr(prod-aspen-1)",
      "service.running(ceph-mgr@prod-aspen-1)",
      "ceph.osd(/dev/disk/by-id/wwn-0x5000c500a1b2c3d2)",
      "service.running(ceph-osd.target)",
      "ceph.mds(prod-aspen-1)",
      "service.running(ceph-mds@prod-aspen-1)",
      `ceph.ready(${FSID})`,
      "ceph.maintenance(ceph)",
      "ceph.client(client.prod-aspen-1-shared)",
      "ceph.mounted(/srv/shared)",
    ],
  });
});

test("a bootstrap server in dev is the gateway and has all servers; Vault waits for the people who open it", () => {
  expect(stagesOf("dev-boot-1")).toEqual({
    time: ["chrony.config(node)", "time.synced(node)"],
    network: ["network.interfaces(node)", "dnsmasq.config(lan)"],
    firewall: ["firewall.filter(node)", "firewall.port(boma)"],
    consul: [
      "consul.agent(dev-boot-1)",
      "consul.settings(dev-boot-1)",
      "service.running(consul.service)",
      "consul.ready(dev-boot-1)",
      "consul.acl-policy(agents)",
      "consul.acl-policy(vault)",
      "consul.acl-token(agent)",
      "consul.acl-token(vault)",
    ],
    vault: [
      "vault.server(dev-boot-1)",
      "service.running(vault.service)",
      "vault.reloaded(vault.service)",
      "vault.initialised(dev)",
      "vault.ready(dev-boot-1)",
    ],
    nomad: [
      "nomad.agent(dev-boot-1)",
      "nomad.settings(dev-boot-1)",
      "service.running(nomad.service)",
      "nomad.ready(dev-boot-1)",
      "nomad.acl-bootstrap(global)",
    ],
    apps: ["nomad.job(canary)"],
  });
});

test("a bootstrap server in prod keeps Vault in Consul, and declares what is in it", () => {
  const { vault } = stagesOf("prod-boot-1");
  expect(vault?.slice(5)).toEqual([
    "vault.mount(kv)",
    "vault.written(kv/data/default/canary)",
    "vault.auth(jwt-nomad)",
    "vault.written(auth/jwt-nomad/config)",
    "vault.policy(nomad-workloads)",
    "vault.role(nomad-workloads)",
  ]);
  const entries = entriesOf("prod-boot-1");
  expect(entries.find(({ state }) => state === "vault.server")).toMatchObject({
    params: { storage: { type: "consul" }, consulToken: { $secret: "gen:prod/consul/vault?enc=uuid" } },
    awaits: ["time", "network", "firewall", "consul"],
  });
});

const SSH = [
  "tcp/22 public from 192.168.100.0/24, 198.51.100.0/24 for ssh.server(node)",
  "tcp/22 public from 198.51.100.10 for ssh.server(node)",
];

test("nothing comes in but what a declaration needs, and from where it needs it", () => {
  expect(openOf("dev-aspen-1")).toEqual([
    ...SSH,
    "tcp/8301 lan for consul.agent(dev-aspen-1)",
    "udp/8301 lan for consul.agent(dev-aspen-1)",
  ]);
  expect(openOf("dev-boot-1")).toEqual([
    ...SSH,
    "tcp/4222 lan for firewall.port(boma)",
    "tcp/4647 lan for nomad.agent(dev-boot-1)",
    "tcp/4648 lan for nomad.agent(dev-boot-1)",
    "tcp/53 lan for dnsmasq.config(lan)",
    "tcp/8080 lan for firewall.port(boma)",
    "tcp/8200 lan for vault.server(dev-boot-1)",
    "tcp/8300 lan for consul.agent(dev-boot-1)",
    "tcp/8301 lan for consul.agent(dev-boot-1)",
    "udp/123 lan from 192.168.100.0/24 for chrony.config(node)",
    "udp/4648 lan for nomad.agent(dev-boot-1)",
    "udp/53 lan for dnsmasq.config(lan)",
    "udp/67 lan for dnsmasq.config(lan)",
    "udp/69 lan for dnsmasq.config(lan)",
    "udp/8301 lan for consul.agent(dev-boot-1)",
  ]);
  expect(openOf("prod-aspen-1").filter((line) => line.includes("ceph"))).toEqual([
    "tcp/3300 lan from 192.168.100.0/24 for ceph.mon(prod-aspen-1)",
    "tcp/6789 lan from 192.168.100.0/24 for ceph.mon(prod-aspen-1)",
    "tcp/6800-7300 lan from 192.168.100.0/24 for ceph.mds(prod-aspen-1)",
    "tcp/6800-7300 lan from 192.168.100.0/24 for ceph.mgr(prod-aspen-1)",
    "tcp/6800-7300 lan from 192.168.100.0/24 for ceph.osd(/dev/disk/by-id/wwn-0x5000c500a1b2c3d2)",
  ]);
});

test("a gateway lets its own network out and nobody else's, and a worker passes nothing on", () => {
  const filterOf = (id: string) => entriesOf(id).find(({ state }) => state === "firewall.filter")!.params;
  expect(filterOf("dev-boot-1")).toMatchObject({
    forward: "nat",
    nat: { masquerade: [{ iif: "enx00e04c1b3a80", oif: "eno1", from: ["192.168.100.0/24"] }] },
    zones: { lan: { interfaces: ["enx00e04c1b3a80"], from: ["192.168.100.0/24"] } },
  });
  expect(filterOf("dev-aspen-1")).toMatchObject({ forward: "none", rules: [] });
});

test("jobs find machines by the environment that was assigned", () => {
  for (const [id, env] of [
    ["dev-aspen-1", "dev"],
    ["prod-aspen-1", "prod"],
  ] as const)
    expect(entriesOf(id).find(({ state }) => state === "nomad.agent")?.params).toMatchObject({
      datacenter: env,
      meta: { env, profile: "aspen-generic" },
    });
});

test("cowboy gets in with a key alone, five wrong tries are an hour outside, and daemons are not restarted unasked", () => {
  const paramsOf = (state: string) => entriesOf("dev-aspen-1").find((one) => one.state === state)?.params;
  expect(paramsOf("ssh.server")).toMatchObject({
    passwords: false,
    permitRootLogin: "no",
    allowUsers: ["cowboy"],
  });
  expect(paramsOf("fail2ban.jail")).toMatchObject({ maxRetry: 5, banTime: "1h" });
  expect(paramsOf("pkg.protected")).toMatchObject({
    units: expect.arrayContaining(["consul.service", "nomad.service", "ceph-osd@.service"]) as string[],
  });
});

test("what is protected is restarted by night in dev, and on Sundays in prod", () => {
  const windowOf = (id: string) => entriesOf(id).find(({ state }) => state === "maintenance.window")?.params;
  expect(windowOf("dev-boot-1")).toMatchObject({ from: "02:00", days: ["mon", "tue", "wed", "thu", "fri"] });
  expect(windowOf("prod-aspen-1")).toMatchObject({ from: "02:00", days: ["sun"], duration: "4h" });
});

test("its secrets are references, and no environment has one of another", () => {
  const all = Object.keys(samples).map((id) => Object.keys(compiledOf(id).catalog.secrets));
  for (const [at, references] of all.entries()) {
    const env = [Object.values(samples)[at]!.assigned["env"]].join("");
    expect(references.length).toBeGreaterThan(0);
    for (const reference of references)
      expect(reference).toMatch(new RegExp(`^(gen:${env}/|file:/etc/boma/secrets/${env}-)`));
  }
});
