/**
 * Goal: three servers of the real Nomad and a client speak TLS with each other and with whoever asks them; they get new
 * certificates while they run, a lost one is told by the others, and restarts that are owed come one by one, the leader last.
 * Method: four Debians on a bridge, a real master, and Nomad out of a signed archive.
 */
import type { RunReport } from "@boma/states";
import { afterAll, beforeAll, expect, test } from "vitest";

import { Authority } from "../support/cluster-certificates.ts";
import { Fleet } from "../support/fleet.ts";
import { type Host, onBridge, startHost } from "../support/host.ts";
import { infraRepo } from "../support/infra/repo.ts";
import { type Maintained } from "../support/maintained.ts";
import {
  CLIENT,
  declare,
  issued,
  type Knobs,
  NAMES,
  type Pair,
  SERVERS,
  type SiteParts,
} from "../support/nomad-servers.ts";
import { run } from "../support/run.ts";

const UP_MS_MAX = 8 * 60_000;

const made = new AsyncDisposableStack();
const hosts: Record<string, Host> = {};
let parts: SiteParts;
let pairs: Readonly<Record<string, Pair>> = {};
let knobs: Knobs = { servers: SERVERS, within: "2m" };

const host = (name: string): Host => hosts[name]!;

beforeAll(async () => {
  for (const name of NAMES) hosts[name] = made.use(await startHost({ name }));
  const repo = made.use(await infraRepo(["nomad"]));
  const fleet = made.use(await Fleet.start(await onBridge()));
  const authority = made.use(await Authority.open("ours"));
  for (const name of NAMES) await host(name).enrol(fleet);
  const addresses = Object.fromEntries(NAMES.map((name) => [name, host(name).address]));
  parts = { fleet, repo, authority, addresses };
  pairs = await issued(parts);
  declare(parts, knobs, pairs);
}, 45 * 60_000);
afterAll(() => made.disposeAsync());

function turn(change: Partial<Knobs>): void {
  knobs = { ...knobs, ...change };
  declare(parts, knobs, pairs);
}

type Reports = Readonly<Record<string, RunReport>>;
async function apply(target = "*"): Promise<Reports> {
  const { value } = await run(parts.fleet, target, "state.apply");
  if (!("nodes" in value)) throw new Error(`it was not begun: ${JSON.stringify(value)}`);
  return Object.fromEntries(
    Object.entries(value.nodes).map(([id, end]) => {
      if (!end.return) throw new Error(`the apply on ${id}: ${JSON.stringify(end)}`);
      return [id, end.return as RunReport];
    }),
  );
}

const failures = (reports: Reports): readonly string[] =>
  Object.entries(reports).flatMap(([name, { results }]) =>
    results.flatMap(({ id, error }) => (error ? [`${name}: ${id}: ${error.code}: ${error.message}`] : [])),
  );
const changes = (reports: Reports): readonly string[] =>
  Object.entries(reports).flatMap(([name, { results }]) =>
    results.flatMap(({ id, result, error, comment }) =>
      result === "ok" ? [] : [`${name}: ${id}: ${error?.message ?? comment}`],
    ),
  );

interface Role {
  readonly role: string;
  readonly safe: boolean;
  readonly why: string;
}
async function roleOf(name: string): Promise<Role> {
  const { value } = await run(parts.fleet, name, "nomad.role");
  const { return: role, error } = value.nodes[name]!;
  return error ? { role: "unknown", safe: false, why: error.message } : (role as Role);
}
const rolesOf = (names: readonly string[]): Promise<readonly Role[]> => Promise.all(names.map(roleOf));
async function leader(): Promise<string> {
  const roles = await rolesOf(SERVERS);
  const name = SERVERS.find((_, at) => roles[at]!.role === "leader");
  if (name === undefined) throw new Error(`nobody leads: ${JSON.stringify(roles)}`);
  return name;
}

async function mainPids(): Promise<readonly string[]> {
  const words = ["systemctl", "show", "--value", "--property=MainPID", "nomad"];
  return Promise.all(NAMES.map(async (name) => (await host(name).must(words)).trim()));
}

/** The certificate that whoever asks an agent is shown. */
async function shownBy(name: string): Promise<string> {
  const words = ["openssl", "s_client", "-connect", "127.0.0.1:4646", "-CAfile", "/etc/nomad-tls/ca.pem"];
  const said = await host(name).must([...words, "-verify_return_error"]);
  return /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/.exec(said)?.[0] ?? "none";
}

test(
  "three servers and a client come up from one tree, with one leader, and one of them may fail",
  { timeout: UP_MS_MAX },
  async () => {
    expect(failures(await apply())).toEqual([]);
    const roles = await rolesOf(NAMES);
    expect(roles.map(({ role }) => role).toSorted()).toEqual(["client", "leader", "server", "server"]);
    expect(roles).toEqual(roles.map(() => expect.objectContaining({ safe: true }) as Role));
  },
);

test("a second time nothing is changed", { timeout: UP_MS_MAX }, async () => {
  expect(changes(await apply())).toEqual([]);
});

test("who speaks in the clear is answered by none of their ports", async () => {
  const plain = ["curl", "--silent", "--max-time", "10", "http://127.0.0.1:4646/v1/status/leader"];
  for (const name of NAMES) expect((await host(name).run(plain)).stdout).toMatch(/HTTPS server/);
  // The byte with which one server begins to speak with another: a connection that is taken stays open.
  const speak = 'exec 3<>"/dev/tcp/$1/4647" && printf "\\x01" >&3 && read -r -t 10 -N 1 <&3';
  for (const name of SERVERS) {
    const { exitCode } = await host(CLIENT).run(["bash", "-c", speak, "bash", host(name).address]);
    expect(exitCode).toBe(1);
  }
});

test(
  "new certificates are taken up while they run: the same processes show them, and are a cluster",
  { timeout: UP_MS_MAX },
  async () => {
    const before = await mainPids();
    expect(await shownBy("n1")).toBe(pairs["n1"]!.certificate.trim());
    pairs = await issued(parts);
    turn({});
    const applied = await apply();
    expect(failures(applied)).toEqual([]);
    for (const name of NAMES) {
      expect(applied[name]!.results.filter((one) => "pending" in one && one.pending !== undefined)).toEqual(
        [],
      );
      expect(await shownBy(name)).toBe(pairs[name]!.certificate.trim());
    }
    expect(await mainPids()).toEqual(before);
    await expect
      .poll(async () => (await rolesOf(NAMES)).every(({ safe }) => safe), { timeout: 60_000, interval: 1000 })
      .toBe(true);
    expect(changes(await apply())).toEqual([]);
  },
);

/** What the gate of the client says, at once; nothing that it asks there wants a token. */
async function gateOfClient(): Promise<string> {
  const ca = parts.authority.certificate;
  const params = { mode: "client", api: "https://127.0.0.1:4646", ca, within: "1s", every: "200ms" };
  const { error } = await host(CLIENT).converge("nomad.ready", CLIENT, params);
  return error?.message ?? "open";
}

test(
  "certificates of somebody else are never told to an agent; one that has read them is alone, and its gate says why",
  { timeout: UP_MS_MAX },
  async () => {
    await using strange = await Authority.open("theirs");
    const own = pairs;
    const before = await mainPids();
    pairs = { ...own, [CLIENT]: await strange.issue("client.global.nomad", host(CLIENT).address) };
    turn({});
    expect(failures(await apply(CLIENT))).toEqual([
      expect.stringMatching(/nomad\.settings\(w1\): state\/blocked: .* has signed/),
    ]);
    expect(await mainPids()).toEqual(before);
    expect(await shownBy(CLIENT)).toBe(own[CLIENT]!.certificate.trim());
    await host(CLIENT).must(["systemctl", "restart", "nomad"]);
    await expect
      .poll(gateOfClient, { timeout: 60_000, interval: 1000 })
      .toMatch(/misconfigured: .*certificate/);
    pairs = own;
    turn({});
    expect(failures(await apply(CLIENT))).toEqual([]);
  },
);

test(
  "one that is lost is told by the others with its cause, and nobody restarts one of those meanwhile",
  { timeout: UP_MS_MAX },
  async () => {
    turn({ servers: SERVERS.toReversed() });
    const waiting = await apply();
    expect(failures(waiting)).toEqual([]);
    for (const name of NAMES)
      expect(waiting[name]!.results.find(({ id }) => id.startsWith("service.running"))).toMatchObject({
        pending: expect.stringContaining("maintenance"),
      });
    const first = await leader();
    const lost = SERVERS.find((name) => name !== first)!;
    const others = SERVERS.filter((name) => name !== lost);
    const gone = parts.fleet.event("node.disconnected", ({ id }) => id === lost);
    await host(lost).link("down");
    await gone;
    turn({ within: "2s" });
    for (const name of others) {
      const gate = async () => failures(await apply(name)).join("\n");
      await expect
        .poll(gate, { timeout: 120_000, interval: 1000 })
        .toMatch(new RegExp(`nomad\\.ready\\(${name}\\): gate/closed: .*down: .*${lost}`));
      expect(await roleOf(name)).toMatchObject({ safe: false });
      const { value } = await run(
        parts.fleet,
        name,
        "maintenance.run",
        "nomad/global",
        "reason=it is a test",
      );
      expect(value.nodes[name]).toMatchObject({ status: "refused", error: { code: "maintenance/unsafe" } });
    }
    const back = parts.fleet.event("node.connected", ({ id }) => id === lost);
    await host(lost).link("up");
    await back;
    await expect
      .poll(async () => (await rolesOf(NAMES)).every(({ safe }) => safe), {
        timeout: 180_000,
        interval: 1000,
      })
      .toBe(true);
  },
);

test(
  "restarts that are owed are done one by one: the client, those who follow, and the leader last",
  { timeout: UP_MS_MAX },
  async () => {
    turn({ within: "2m" });
    const before = await mainPids();
    const last = await leader();
    const { code, value } = await parts.fleet.json<Maintained>(
      "maintain",
      "*",
      "--now",
      "--reason",
      "a test",
    );
    expect(value.domains).toMatchObject([{ domain: "nomad/global", state: "done", left: [] }]);
    expect(value.domains[0]!.turns.map(({ node, role, status }) => `${node} ${role} ${status}`)).toEqual([
      `${CLIENT} client changed`,
      ...SERVERS.filter((name) => name !== last).map((name) => `${name} server changed`),
      `${last} leader changed`,
    ]);
    expect(code).toBe(0);
    for (const [at, pid] of (await mainPids()).entries()) expect(pid).not.toBe(before[at]);
    await expect
      .poll(async () => (await rolesOf(NAMES)).every(({ safe }) => safe), {
        timeout: 120_000,
        interval: 1000,
      })
      .toBe(true);
    expect(changes(await apply())).toEqual([]);
  },
);
