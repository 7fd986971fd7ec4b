/**
 * Goal: the profiles of `examples/site` make a fleet of three blank machines: Consul, Vault, Nomad and Ceph, behind
 * firewalls that let in nothing else; it goes down and comes up in order, and one of them that is booted comes back.
 * Method: three Debians on a bridge, a real master, the real programs, and three people with PGP keys who open Vault.
 */
import type { RunReport } from "@boma/states";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { Fleet, type FleetOptions } from "../support/fleet.ts";
import { type Host, onBridge, REPOSITORY, startHost } from "../support/host.ts";
import { mustRun } from "../support/hosts/program.ts";
import { coldTimes, timesOf } from "../support/hosts/times.ts";
import { infraRepo } from "../support/infra/repo.ts";
import {
  authorityOf,
  declare,
  DEV,
  giveSecret,
  HOLDERS,
  LAB,
  type LabParts,
  layOut,
  linesOf,
  NAMES,
  PROD,
  SERVER,
} from "../support/lab.ts";
import { run } from "../support/run.ts";
import { Holders } from "../support/vault.ts";

/** Something listens there on every host, and nobody has declared it. */
const UNDECLARED = 9999;
const LISTENER = `require("node:net").createServer((one) => one.end()).listen(${UNDECLARED}, "0.0.0.0")`;

let parts: LabParts;
let people: Holders;
let via: NonNullable<FleetOptions["via"]>;
/** Two of the three that there are. */
let shares: readonly string[] = [];
const made = new AsyncDisposableStack();

const host = (name: string): Host => parts.hosts[name]!;

/** A device that a real machine has, and the port that must not be reached. */
async function furnish(machine: Host): Promise<void> {
  await machine.write("/etc/tmpfiles.d/fuse.conf", "c /dev/fuse 0666 root root - 10:229\n");
  await machine.must(["systemd-tmpfiles", "--create", "/etc/tmpfiles.d/fuse.conf"]);
  await listen(machine);
}
const listen = (machine: Host): Promise<void> =>
  machine.service("undeclared", [process.execPath, "-e", LISTENER]);

beforeAll(async () => {
  const hosts: Record<string, Host> = {};
  for (const name of NAMES) hosts[name] = made.use(await startHost({ name, layer: LAB }));
  await Promise.all(Object.values(hosts).map(furnish));
  const repo = made.use(await infraRepo(["consul", "vault", "nomad"]));
  people = made.use(await Holders.open());
  const holders: Record<string, string> = {};
  for (const name of HOLDERS) holders[name] = await people.key(name);
  const options = await onBridge();
  via = options.via ?? [];
  const fleet = made.use(await Fleet.start(options));
  parts = { fleet, repo, hosts, holders };
  await layOut(parts);
  declare(parts);
  // What they become is their profile's to say: by their name, or for want of anything else.
  await hosts[SERVER]!.enrol(fleet);
  await hosts[DEV]!.enrol(fleet, { env: "dev" });
  await hosts[PROD]!.enrol(fleet, { env: "prod" });
}, 20 * 60_000);
afterAll(() => made.disposeAsync());

async function apply(...args: readonly string[]): Promise<Readonly<Record<string, RunReport>>> {
  const { value } = await run(parts.fleet, "*", "state.apply", "--timeout", "9m", ...args);
  if (!("nodes" in value)) throw new Error(`the apply was not begun: ${JSON.stringify(value)}`);
  const reports: Record<string, RunReport> = {};
  for (const [id, end] of Object.entries(value.nodes)) {
    if (!end.return) throw new Error(`${id} came to no report: ${JSON.stringify(end)}`);
    reports[id] = end.return as RunReport;
    console.log(timesOf(id, reports[id]));
  }
  return reports;
}

const failures = (reports: Readonly<Record<string, RunReport>>) =>
  Object.values(reports).flatMap((report) =>
    linesOf(report, ({ result }) => !["ok", "changed", "skipped"].includes(result)),
  );
const changes = (reports: Readonly<Record<string, RunReport>>) =>
  Object.values(reports).flatMap((report) => linesOf(report, ({ result }) => result !== "ok"));

/** Whether one machine reaches a port of another, within two seconds. */
async function reaches(from: string, to: string, port: number): Promise<boolean> {
  const words = ["timeout", "2", "bash", "-c", `exec 3<>/dev/tcp/${host(to).address}/${port}`];
  return (await host(from).run(words)).exitCode === 0;
}

const PAIRS = NAMES.flatMap((from) => NAMES.filter((to) => to !== from).map((to) => ({ from, to })));
/** Between any two machines, whether the port that nobody declared is reached. */
async function undeclared(): Promise<readonly boolean[]> {
  return Promise.all(PAIRS.map(({ from, to }) => reaches(from, to, UNDECLARED)));
}
const ALL_CLOSED = PAIRS.map(() => false);
const ALL_OPEN = PAIRS.map(() => true);

/** A holder types a share where he sits; nothing of it is in the command line. */
const unseal = (share: string): Promise<string> =>
  mustRun(
    [
      ...via,
      process.execPath,
      `${REPOSITORY}/packages/master/bin/boma-master.mjs`,
      ...`vault unseal ${SERVER} --ca-file ${authorityOf(parts.fleet)} --json`.split(" "),
    ],
    { stdin: `${share}\n`, env: { BOMA_HOME: parts.fleet.home } },
  );
const openVault = async (): Promise<void> => {
  for (const share of shares) await unseal(share);
};

async function called<T>(name: string, ...words: readonly string[]): Promise<T> {
  const { value } = await run(parts.fleet, name, ...words);
  const end = value.nodes[name]!;
  if (end.error) throw new Error(`${words[0]}: ${JSON.stringify(end.error)}`);
  return end.return as T;
}

const SEALED = expect.stringMatching(/^vault\.ready\(lab-boot-1\): failed: .*sealed/) as unknown;
/** Those of the lab, from the ground up. */
const STAGES = ["time", "firewall", "consul", "vault", "nomad", "storage", "apps"];

interface Kept {
  readonly holders: readonly { readonly name: string; readonly share: string }[];
  readonly rootToken: { readonly token: string };
}

interface Cold {
  readonly ms: number;
  readonly stages: readonly { readonly stage: string; readonly state: string; readonly ms: number }[];
}

async function cold(way: "coldstart" | "coldstop") {
  const { code, value } = await parts.fleet.json<Cold>(way, "*");
  console.log(coldTimes(way, value.ms, value.stages));
  const states = Object.fromEntries(value.stages.map(({ stage, state }) => [stage, state]));
  return { code, states, said: JSON.stringify(value) };
}

const unitsOf = (name: string): readonly string[] => [
  "consul",
  ...(name === SERVER ? ["vault"] : []),
  "nomad",
  ...["mon", "mgr", "mds"].map((kind) => `ceph-${kind}@${name}`),
  `ceph-osd@${osdOf[name]!}`,
];
/** The number that the cluster gave to the disk of each. */
const osdOf: Record<string, string> = {};

/** The daemons of all machines that are in this state, and not in the other. */
async function unitsThat(state: "active" | "inactive"): Promise<readonly string[]> {
  const found: string[] = [];
  for (const name of NAMES) {
    osdOf[name] ??= (await host(name).must(["sh", "-c", "ls /var/lib/ceph/osd"])).trim().replace("ceph-", "");
    const units = unitsOf(name);
    const { stdout } = await host(name).run(["systemctl", "is-active", ...units]);
    for (const [at, is] of stdout.trim().split("\n").entries())
      if ((is === "active") === (state === "active")) found.push(`${units[at]} of ${name} is ${is}`);
  }
  return found;
}

/** The filesystem that all share, by systemd alone; what it says of it where it is not there. */
async function isMounted(name: string): Promise<string> {
  const { exitCode } = await host(name).run(["mountpoint", "-q", "/srv/shared"]);
  if (exitCode === 0) return "mounted";
  return (await host(name).run(["systemctl", "status", "--no-pager", "--lines=20", "srv-shared.mount"]))
    .stdout;
}

/** All that it runs is there again, and nobody has done anything. */
async function isBack(name: string): Promise<void> {
  await listen(host(name));
  await expect.poll(() => unitsThat("inactive"), { timeout: 120_000, interval: 1000 }).toEqual([]);
  await expect.poll(() => isMounted(name), { timeout: 180_000, interval: 1000 }).toBe("mounted");
}

async function startAgent(name: string): Promise<void> {
  const back = parts.fleet.event("node.started", ({ id, data }) => id === name && data["start"] === 2);
  await host(name).serviceAgent("boma-agent", ["run", "--id", name]);
  await back;
}

interface Status {
  readonly client: { readonly allocations: readonly { id: string; job: string; status: string }[] };
}

/** The allocations of the canary that run on a machine. */
async function canaries(name: string): Promise<readonly string[]> {
  const { client } = await called<Status>(name, "nomad.status");
  return client.allocations.flatMap(({ id, job, status }) =>
    job === "canary" && status === "running" ? [id] : [],
  );
}
const wordOf = async (name: string): Promise<string> => {
  const [id] = await canaries(name);
  return host(name).read(`/opt/nomad/data/alloc/${id}/canary/secrets/word`);
};

describe("three blank machines", { timeout: 10 * 60_000 }, () => {
  test("get their roles from their profiles, and are open to each other before anything is declared", async () => {
    const nodes = await parts.fleet.json<{ id: string; assigned: object }[]>("nodes");
    expect(Object.fromEntries(nodes.value.map(({ id, assigned }) => [id, assigned]))).toMatchObject({
      [SERVER]: { env: "dev", profile: "bootstrap-server" },
      [DEV]: { env: "dev", profile: "aspen-generic" },
      [PROD]: { env: "prod", profile: "aspen-generic" },
    });
    expect(await undeclared()).toEqual(ALL_OPEN);
  });

  test("become a fleet in one run, which ends where people have to open Vault", async () => {
    const reports = await apply();
    expect(failures(reports)).toEqual([SEALED]);
    expect(await undeclared()).toEqual(ALL_CLOSED);
  });

  test("have a leader of Consul whom all of them follow", async () => {
    const members = await called<{ name: string; status: string; role: string }[]>(SERVER, "consul.members");
    expect(members.map(({ name, status, role }) => `${name} ${status} ${role}`).toSorted()).toEqual(
      [`${SERVER} alive server`, `${DEV} alive client`, `${PROD} alive client`].toSorted(),
    );
  });

  test("have one filesystem of three disks", async () => {
    expect(await host(SERVER).must(["ceph", "health"])).toBe("HEALTH_OK\n");
    await host(DEV).write("/srv/shared/hello", "from dev\n");
    expect(await host(PROD).read("/srv/shared/hello")).toBe("from dev\n");
  });

  test("have a Vault that two of three people open, and all that is declared in it", async () => {
    const kept = await called<Kept>(SERVER, "vault.init-shares", "lab");
    expect(kept.holders.map(({ name }) => name)).toEqual(HOLDERS);
    const opened: string[] = [];
    for (const { share } of kept.holders.slice(1)) opened.push(await people.open(share));
    shares = opened;
    giveSecret(parts.fleet, "vault-token", await people.open(kept.rootToken.token));
    await openVault();
    declare(parts, { configured: true });
    expect(failures(await apply())).toEqual([]);
  });

  test("run a job where `meta.env` says, which has asked Vault for its secret itself", async () => {
    await expect.poll(() => canaries(DEV), { timeout: 60_000, interval: 1000 }).toHaveLength(1);
    expect(await canaries(PROD)).toEqual([]);
    expect(await wordOf(DEV)).toMatch(/^[A-Za-z0-9]{24}$/);
  });

  test("are as they are declared: a second run changes nothing, and nothing else is let in", async () => {
    expect(changes(await apply())).toEqual([]);
    expect(await undeclared()).toEqual(ALL_CLOSED);
  });

  test("go down stage by stage", async () => {
    const { code, states, said } = await cold("coldstop");
    expect({ code, states }, said).toEqual({
      code: 0,
      states: Object.fromEntries(STAGES.map((stage) => [stage, "done"])),
    });
    expect(await unitsThat("active")).toEqual([]);
    expect(await undeclared()).toEqual(ALL_CLOSED);
  });

  test("come up as far as Vault, which is told to be sealed; what stands on it is held back", async () => {
    const { code, states, said } = await cold("coldstart");
    expect({ code, states }, said).toEqual({
      code: 1,
      states: {
        ...Object.fromEntries(STAGES.map((stage) => [stage, "done"])),
        vault: "failed",
        nomad: "held",
        apps: "held",
      },
    });
    expect(said).toMatch(/vault\.ready.*sealed/);
  });

  test("come up whole once people have opened it, and are what they were", async () => {
    await openVault();
    const { code, states, said } = await cold("coldstart");
    expect({ code, states }, said).toEqual({
      code: 0,
      states: Object.fromEntries(STAGES.map((stage) => [stage, "done"])),
    });
    expect(await unitsThat("inactive")).toEqual([]);
    expect(await host(PROD).read("/srv/shared/hello")).toBe("from dev\n");
    expect(changes(await apply())).toEqual([]);
    expect(await undeclared()).toEqual(ALL_CLOSED);
  });

  test("come back unattended when one is booted, and are closed before an agent is there", async () => {
    await host(PROD).reboot();
    await isBack(PROD);
    expect(await reaches(DEV, PROD, UNDECLARED)).toBe(false);
    expect(await reaches(PROD, DEV, UNDECLARED)).toBe(false);
    await startAgent(PROD);
    expect(changes(await apply())).toEqual([]);
    expect(await host(PROD).read("/srv/shared/hello")).toBe("from dev\n");
  });

  test("say that Vault is sealed when its machine was booted; all else of that machine is there again", async () => {
    await host(SERVER).reboot();
    await isBack(SERVER);
    await startAgent(SERVER);
    const failed = failures(await apply());
    expect(failed).toContainEqual(SEALED);
    expect(failed.filter((line) => !line.startsWith("vault."))).toEqual([]);
    await openVault();
    expect(changes(await apply())).toEqual([]);
    expect(await undeclared()).toEqual(ALL_CLOSED);
    expect(await canaries(DEV)).toHaveLength(1);
  });
});
