/**
 * Goal: two Vaults on the storage of one Consul: one serves, the other takes over; what becomes of them without Consul is
 * said with its cause, and nobody restarts them then; the token with which they ask Consul is nowhere but with them.
 * Method: two Debians on a bridge, a real master, a real Consul with ACLs beside one of two real Vaults, two people with
 * PGP keys.
 */
import { writeFileSync } from "node:fs";
import { join } from "node:path";

import type { RunReport } from "@boma/states";
import { afterAll, beforeAll, expect, test } from "vitest";

import { createCa, issueServerCertificate } from "../../packages/master/src/bus/tls.ts";
import { canary } from "../support/canary.ts";
import { Fleet, type FleetOptions } from "../support/fleet.ts";
import { type Host, onBridge, REPOSITORY, startHost } from "../support/host.ts";
import { mustRun } from "../support/hosts/program.ts";
import { infraRepo } from "../support/infra/repo.ts";
import { type Maintained } from "../support/maintained.ts";
import { run } from "../support/run.ts";
import { declare, type Knobs, NAMES, OTHER, type SiteParts, STORE } from "../support/vault-consul.ts";
import { dataOf, Holders } from "../support/vault.ts";

const LOCAL = "https://127.0.0.1:8200";
const UP_MS_MAX = 8 * 60_000;

const made = new AsyncDisposableStack();
const hosts: Record<string, Host> = {};
let parts: SiteParts;
let people: Holders;
let via: NonNullable<FleetOptions["via"]>;
let knobs: Knobs = { ui: false, within: "5s" };
/** What the people have decrypted. */
const shares: string[] = [];
let root = "";

const host = (name: string): Host => hosts[name]!;
const caFile = (): string => join(parts.fleet.home, "vault-ca.pem");

beforeAll(async () => {
  for (const name of NAMES) hosts[name] = made.use(await startHost({ name }));
  const repo = made.use(await infraRepo(["consul", "vault"]));
  people = made.use(await Holders.open());
  const holders = { anna: await people.key("anna"), bert: await people.key("bert") };
  const options = await onBridge();
  via = options.via ?? [];
  const fleet = made.use(await Fleet.start(options));
  for (const name of NAMES) await host(name).enrol(fleet);
  const authority = await createCa();
  const addresses = Object.fromEntries(NAMES.map((name) => [name, host(name).address]));
  const certificates: Record<string, Awaited<ReturnType<typeof issueServerCertificate>>> = {};
  for (const name of NAMES)
    certificates[name] = await issueServerCertificate(authority, {
      dns: [name],
      ips: [addresses[name]!, "127.0.0.1"],
    });
  parts = { fleet, repo, ca: authority.certificate, certificates, addresses, holders };
  writeFileSync(caFile(), authority.certificate);
  declare(parts, knobs);
}, 45 * 60_000);
afterAll(() => made.disposeAsync());

function turn(change: Partial<Knobs>): void {
  knobs = { ...knobs, ...change };
  declare(parts, knobs);
}

async function apply(target = "*"): Promise<Readonly<Record<string, RunReport>>> {
  const { value } = await run(parts.fleet, target, "state.apply");
  if (!("nodes" in value)) throw new Error(`it was not begun: ${JSON.stringify(value)}`);
  return Object.fromEntries(
    Object.entries(value.nodes).map(([id, end]) => {
      if (!end.return) throw new Error(`the apply on ${id}: ${JSON.stringify(end)}`);
      return [id, end.return as RunReport];
    }),
  );
}

type Reports = Readonly<Record<string, RunReport>>;
const failures = (reports: Reports): readonly string[] =>
  Object.values(reports).flatMap(({ results }) =>
    results.flatMap(({ id, error }) => (error ? [`${id}: ${error.code}: ${error.message}`] : [])),
  );
const changes = (reports: Reports): readonly string[] =>
  Object.values(reports).flatMap(({ results }) =>
    results.flatMap(({ id, result, error, comment }) =>
      result === "ok" ? [] : [`${id}: ${result}: ${error?.message ?? comment}`],
    ),
  );
const pending = (reports: Reports): readonly string[] =>
  Object.entries(reports).flatMap(([name, { results }]) =>
    results.flatMap((one) => ("pending" in one && one.pending !== undefined ? [`${name}: ${one.id}`] : [])),
  );

async function called<T>(name: string, ...words: readonly string[]): Promise<T> {
  const { value } = await run(parts.fleet, name, ...words);
  const end = value.nodes[name]!;
  if (end.error) throw new Error(`${words[0]}: ${JSON.stringify(end.error)}`);
  return end.return as T;
}

/** Vault has a certificate of an authority that nobody but this site knows. */
const withCa = (): string => `ca=${parts.ca}`;
interface Status {
  readonly role: string;
  readonly says: string;
  readonly storage: string;
  readonly leader: string | null;
}
const statusOf = (name: string): Promise<Status> => called<Status>(name, "vault.status", withCa());
const roleOf = (name: string) =>
  called<{ role: string; safe: boolean; why: string }>(name, "vault.role", withCa());

/** A holder types a share where he sits; nothing of it is in the command line. */
async function openIt(name: string): Promise<void> {
  const words = `vault unseal ${name} --ca-file ${caFile()} --json`.split(" ");
  const program = [...via, process.execPath, `${REPOSITORY}/packages/master/bin/boma-master.mjs`, ...words];
  for (const share of shares)
    await mustRun(program, { stdin: `${share}\n`, env: { BOMA_HOME: parts.fleet.home } });
}

/** Until each of them is what it is to be. */
async function roles(...expected: readonly string[]): Promise<void> {
  const look = async () => Promise.all(NAMES.map(async (name) => (await statusOf(name)).role));
  await expect
    .poll(async () => (await look()).toSorted(), { timeout: 120_000, interval: 1000 })
    .toEqual(expected.toSorted());
}
async function active(): Promise<string> {
  for (const name of NAMES) if ((await statusOf(name)).role === "active") return name;
  throw new Error("none of them is active");
}
const otherThan = (name: string): string => NAMES.find((one) => one !== name)!;

/** The services called `vault` that Consul holds to be well, each with what it is; asked as one who may see all. */
async function registered(): Promise<readonly string[]> {
  const { acl } = JSON.parse(await host(STORE).read("/etc/consul.d/boma-secrets.json")) as {
    readonly acl: { readonly tokens: { readonly initial_management: string } };
  };
  const words = ["curl", "--silent", "--show-error", "--fail-with-body", "--config", "-"];
  const stdin = `url = "http://127.0.0.1:8500/v1/health/service/vault?passing"\nheader = "x-consul-token: ${acl.tokens.initial_management}"\n`;
  const found = JSON.parse(await host(STORE).must(words, { stdin })) as {
    readonly Service: { readonly Address: string; readonly Tags: readonly string[] };
  }[];
  return found
    .map(({ Service: { Address: address, Tags: tags } }) => {
      const is = ["active", "standby"].filter((role) => tags.includes(role));
      return `${address} ${is.join(",")}`;
    })
    .toSorted();
}
async function consulToken(): Promise<string> {
  const config = JSON.parse(await host(STORE).read("/etc/vault.d/boma.json")) as {
    readonly storage: { readonly consul: { readonly token: string } };
  };
  return config.storage.consul.token;
}

const mainPids = (): Promise<readonly string[]> =>
  Promise.all(
    NAMES.map((name) => host(name).must(["systemctl", "show", "--value", "--property=MainPID", "vault"])),
  );

/** What the gate says, at once. */
const gateOf = async (name: string): Promise<string> => {
  const params = { ca: parts.ca, consul: true, within: "1s", every: "200ms" };
  const { error } = await host(name).converge("vault.ready", name, params);
  return error?.message ?? "open";
};

test(
  "both come up in one run on a Consul that comes up with them, and wait for their people",
  { timeout: UP_MS_MAX },
  async () => {
    const failed = failures(await apply());
    expect(failed.filter((line) => !line.startsWith("vault.ready("))).toEqual([]);
    expect(failed).toContainEqual(expect.stringMatching(/^vault\.ready\(v1\): gate\/closed: .*sealed/));
    // They go down before what they keep all in, and let go of their lock.
    for (const name of NAMES)
      expect(await host(name).must(["systemctl", "show", "--value", "--property=After", "vault"])).toContain(
        "consul.service",
      );
  },
);

test(
  "two people open both: one is active, one stands by, Consul tells of both, and nothing is left to do",
  { timeout: UP_MS_MAX },
  async () => {
    const kept = await called<{
      readonly holders: readonly { readonly share: string }[];
      readonly rootToken: { readonly token: string };
    }>(STORE, "vault.init-shares", "main");
    for (const { share } of kept.holders) shares.push(await people.open(share));
    root = await people.open(kept.rootToken.token);
    for (const name of NAMES) await openIt(name);
    await roles("active", "standby");
    expect(await statusOf(STORE)).toMatchObject({
      storage: "consul",
      leader: expect.stringContaining(":8200"),
    });
    expect(await gateOf(STORE)).toBe("open");
    expect(await gateOf(OTHER)).toBe("open");
    const first = await active();
    await expect
      .poll(registered, { timeout: 60_000, interval: 1000 })
      .toEqual([`${host(first).address} active`, `${host(otherThan(first)).address} standby`].toSorted());
    expect(changes(await apply())).toEqual([]);
  },
);

test(
  "when the active one is stopped the other serves what was written; who comes back is sealed, and is opened",
  { timeout: UP_MS_MAX },
  async () => {
    const first = await active();
    const second = otherThan(first);
    const by = { token: root, address: LOCAL };
    await dataOf(host(first), "sys/mounts/kv", { ...by, body: { type: "kv" } });
    await dataOf(host(first), "kv/web", { ...by, body: { password: "kept" } });
    await host(first).must(["systemctl", "stop", "vault"]);
    await expect
      .poll(async () => (await statusOf(second)).role, { timeout: 120_000, interval: 1000 })
      .toBe("active");
    expect(await dataOf(host(second), "kv/web", by)).toEqual({ password: "kept" });
    expect(await gateOf(first)).toMatch(/down: vault\.service is inactive/);
    await host(first).must(["systemctl", "start", "vault"]);
    expect(await gateOf(first)).toMatch(/sealed/);
    await openIt(first);
    await roles("active", "standby");
    expect(await dataOf(host(first), "kv/web", by)).toEqual({ password: "kept" });
  },
);

test(
  "without Consul the gate says so and a restart waits; with it they are what they were, and open",
  { timeout: UP_MS_MAX },
  async () => {
    turn({ ui: true });
    const waiting = await apply();
    expect(failures(waiting)).toEqual([]);
    expect(pending(waiting)).toEqual(NAMES.map((name) => `${name}: service.running(vault.service)`));
    await host(STORE).must(["systemctl", "stop", "consul"]);
    for (const name of NAMES) {
      await expect
        .poll(() => gateOf(name), { timeout: 120_000, interval: 1000 })
        .toMatch(
          name === STORE
            ? /down: consul\.service, on which it stands, is (inactive|failed); .*storage: /
            : /down: .*storage: .*Consul/,
        );
      expect(await roleOf(name)).toMatchObject({ safe: false, why: expect.stringContaining("storage") });
      const { value } = await run(parts.fleet, name, "maintenance.run", "vault", "reason=it is a test");
      expect(value.nodes[name]).toMatchObject({ status: "refused", error: { code: "maintenance/unsafe" } });
    }
    await host(STORE).must(["systemctl", "start", "consul"]);
    await roles("active", "standby");
    for (const name of NAMES)
      await expect.poll(() => gateOf(name), { timeout: 60_000, interval: 1000 }).toBe("open");
  },
);

test(
  "maintenance restarts the one that stands by, and stops there until its people have opened it",
  { timeout: UP_MS_MAX },
  async () => {
    const before = await mainPids();
    const last = await active();
    const first = otherThan(last);
    const maintain = async () => {
      const words = ["--now", "--unsafe", "--reason", "its people are here"];
      const { value } = await parts.fleet.json<Maintained>("maintain", "*", ...words);
      return value.domains;
    };
    const [stopped] = await maintain();
    expect(stopped).toMatchObject({
      state: "stopped",
      left: [last],
      turns: [{ node: first, role: "standby" }],
    });
    expect(JSON.stringify(stopped!.turns)).toMatch(/vault\.ready.*sealed/);
    expect((await statusOf(last)).role).toBe("active");
    await openIt(first);
    await roles("active", "standby");
    const [done] = await maintain();
    expect(done).toMatchObject({ turns: [{ node: last, role: "active" }] });
    await openIt(last);
    await roles("active", "standby");
    expect(await active()).toBe(first);
    for (const [at, pid] of (await mainPids()).entries()) expect(pid).not.toBe(before[at]);
    expect(changes(await apply())).toEqual([]);
  },
);

test("the token for Consul is in no command line, no log and no event, and in one file of its own", async () => {
  const secret = await consulToken();
  expect(secret).toMatch(/^[0-9a-f-]{36}$/);
  const looked = canary(secret);
  const told = await parts.fleet.ok("events", "--since", "1h", "--json");
  const config = "/etc/vault.d/boma.json";
  for (const name of NAMES) {
    const all = (words: string) => host(name).must(["sh", "-c", words]);
    const files = `find /var/lib/boma /etc /var/log /run /tmp /root -xdev -type f -not -path '*/log/journal/*' -not -path ${config} -exec cat {} +`;
    const texts = {
      journal: await host(name).must(["journalctl", "--no-pager", "--output=export"]),
      files: Buffer.from(await all(`${files} | base64 -w0`), "base64"),
      processes: await all("cat /proc/[0-9]*/cmdline /proc/[0-9]*/environ 2>/dev/null | tr '\\0' ' '"),
      events: told,
    };
    expect(looked.inTexts(texts)).toEqual([]);
    // The same search finds it where it is to be, for nobody but Vault.
    expect(looked.in(await host(name).read(config))).not.toEqual([]);
    expect(await host(name).must(["stat", "-c", "%a %U:%G", config])).toBe("640 root:vault\n");
  }
  expect(looked.inFiles(parts.fleet.home)).toEqual([]);
  expect(looked.inProcesses(parts.fleet.master.pid)).toEqual([]);
});
