/**
 * Goal: `boma-master maintain` with the real role of real servers: who follows goes first, who leads last, never two at
 * once, and the cluster has its leader all the while; a server that does not come up again stops the rest.
 * Method: three Consul servers on three Debian hosts. What systemd did to each is read from the journals, and who leads
 * from a watch on the leader's own machine; all of them have one clock.
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { afterAll, beforeAll, expect, test } from "vitest";

import { type Knobs, SERVERS, siteOf } from "../support/consul.ts";
import { Fleet } from "../support/fleet.ts";
import { type Host, onBridge, startHost } from "../support/host.ts";
import { infraRepo, type InfraRepo } from "../support/infra/repo.ts";
import { type Maintained, owing } from "../support/maintained.ts";
import { run } from "../support/run.ts";

/** Three hosts, and a package on each of them. */
const UP_MS_MAX = 10 * 60_000;
/** Three turns of a server, each with its gate, one of them with an election. */
const TURNS_MS_MAX = 8 * 60_000;
const UNIT = "consul.service";
const DOMAIN = "consul/dc1";
/** A restart after this fails, as it would for a machine whose disk or configuration is broken. */
const BROKEN = "/run/systemd/system/consul.service.d/broken.conf";

const hosts = new Map<string, Host>();
let fleet: Fleet;
let repo: InfraRepo;
const must = (name: string, ...argv: string[]): Promise<string> => hosts.get(name)!.must(argv);

/** Another policy for who brings no token is another configuration, which Consul reads at its start only. */
async function configure(policy: Knobs["policy"]): Promise<void> {
  const addresses = Object.fromEntries(SERVERS.map((name) => [name, hosts.get(name)!.address]));
  mkdirSync(join(fleet.home, "site"), { recursive: true });
  writeFileSync(join(fleet.home, "site/top.ts"), siteOf(repo, addresses, { policy, gossip: "first" }));
  const { code, value } = await run(fleet, "*", "state.apply");
  if (code !== 0) throw new Error(`the apply failed: ${JSON.stringify(value)}`);
}

async function maintain() {
  const words = ["maintain", "*", "--domain", DOMAIN, "--now", "--reason", "it is a test"];
  const { code, value } = await fleet.json<Maintained>(...words);
  return { code, domain: value.domains?.[0] };
}

async function roleOf(name: string): Promise<{ readonly role: string; readonly safe: boolean }> {
  const { value } = await run(fleet, name, "consul.role");
  return value.nodes[name]!.return as { role: string; safe: boolean };
}

/** All servers are well: one of them may fail. */
async function whole(): Promise<void> {
  for (const name of SERVERS)
    await expect.poll(() => roleOf(name), { timeout: 180_000, interval: 1000 }).toMatchObject({ safe: true });
}

async function leader(): Promise<string> {
  for (const name of SERVERS) if ((await roleOf(name)).role === "leader") return name;
  throw new Error("no server leads");
}

const pidOf = (name: string): Promise<string> => must(name, "systemctl", "show", "-P", "MainPID", UNIT);

/** From the first word of systemd about stopping the unit to its last word about starting it, in microseconds. */
async function outage(name: string, since: string): Promise<{ name: string; from: number; to: number }> {
  const argv = ["journalctl", "-u", UNIT, "_PID=1", "--since", since, "-o", "json", "-q"];
  const times = (await must(name, ...argv))
    .trim()
    .split("\n")
    .map((line) => Number((JSON.parse(line) as { __REALTIME_TIMESTAMP: string }).__REALTIME_TIMESTAMP));
  return { name, from: Math.min(...times), to: Math.max(...times) };
}

interface Seen {
  /** When it was asked, and when it had answered. */
  readonly from: number;
  readonly to: number;
  readonly leader: string;
}

/** Writes down, again and again, whom the Consul of this machine takes for the leader; where it does not answer, nothing. */
async function watchLeader(name: string): Promise<() => Promise<Seen[]>> {
  const ask = "curl -s -m 5 http://127.0.0.1:8500/v1/status/leader";
  const look = `while sleep 0.1; do from=$(date +%s%6N); said=$(${ask}) && echo $from $(date +%s%6N) $said; done`;
  await must(name, "systemd-run", "--quiet", "--unit=watch-leader", "sh", "-c", `${look} > /run/leaders`);
  return async () => {
    await must(name, "systemctl", "stop", "watch-leader");
    const lines = (await must(name, "cat", "/run/leaders")).trim().split("\n");
    return lines.map((line) => {
      const [from, to, ...said] = line.split(" ");
      return { from: Number(from), to: Number(to), leader: said.join(" ").replaceAll('"', "") };
    });
  };
}

beforeAll(async () => {
  for (const name of SERVERS) hosts.set(name, await startHost({ name }));
  repo = await infraRepo(["consul"]);
  fleet = await Fleet.start(await onBridge());
  for (const host of hosts.values()) await host.enrol(fleet);
  await configure("allow");
}, 45 * 60_000);
afterAll(async () => {
  await fleet?.[Symbol.asyncDispose]();
  await repo?.[Symbol.asyncDispose]();
  for (const host of hosts.values()) await host[Symbol.asyncDispose]();
});

test(
  "servers that follow are restarted first, the leader last, one after the other, under one leader",
  { timeout: UP_MS_MAX },
  async () => {
    await whole();
    await configure("deny");
    expect(await owing(fleet)).toEqual(SERVERS);
    const led = await leader();
    const followers = SERVERS.filter((name) => name !== led);
    const since = (await must(led, "date", "+%Y-%m-%d %H:%M:%S")).trim();
    const leaders = await watchLeader(led);
    const { code, domain } = await maintain();
    const seen = await leaders();
    expect(domain).toMatchObject({ domain: DOMAIN, state: "done", left: [] });
    expect(code).toBe(0);
    expect(domain!.turns.map(({ node, role, status }) => `${node} ${role} ${status}`)).toEqual([
      ...followers.map((name) => `${name} server changed`),
      `${led} leader changed`,
    ]);
    const outages = await Promise.all(SERVERS.map((name) => outage(name, since)));
    outages.sort((a, b) => a.from - b.from);
    expect(outages.map(({ name }) => name)).toEqual([...followers, led]);
    for (const [at, { to }] of outages.slice(0, -1).entries()) expect(to).toBeLessThan(outages[at + 1]!.from);
    // Until its own turn came the leader led, whoever of the others was away.
    const meanwhile = seen.filter(({ from, to }) => from > outages[0]!.from && to < outages.at(-1)!.from);
    expect(new Set(meanwhile.map((one) => one.leader))).toEqual(new Set([`${hosts.get(led)!.address}:8300`]));
    await whole();
  },
);

test("a second time there is nothing to do, and nothing is restarted", async () => {
  const before = await Promise.all(SERVERS.map(pidOf));
  expect(await owing(fleet)).toEqual([]);
  const { stdout, code } = await fleet.run("maintain", "*", "--now", "--reason", "it is a test");
  expect({ stdout, code }).toEqual({ stdout: "nothing waits for maintenance\n", code: 0 });
  expect(await Promise.all(SERVERS.map(pidOf))).toEqual(before);
});

test(
  "a server that does not come up again stops the rest, who keep their leader; mended by hand, it is done with",
  { timeout: TURNS_MS_MAX },
  async () => {
    await configure("allow");
    const led = await leader();
    const [first, second] = SERVERS.filter((name) => name !== led) as [string, string];
    await must(first, "mkdir", "-p", BROKEN.replace(/\/[^/]+$/, ""));
    await must(first, "sh", "-c", `printf '[Service]\\nExecStartPre=/bin/false\\n' > ${BROKEN}`);
    await must(first, "systemctl", "daemon-reload");
    const before = await Promise.all([second, led].map(pidOf));
    const stopped = await maintain();
    expect(stopped.code).toBe(1);
    expect(stopped.domain).toMatchObject({
      state: "stopped",
      left: [second, led],
      turns: [{ node: first, status: "failed" }],
    });
    expect(await Promise.all([second, led].map(pidOf))).toEqual(before);
    expect((await roleOf(led)).role).toBe("leader");
    // As long as it is down, the cluster could not do without another one: whoever asks later is told so.
    await expect
      .poll(() => roleOf(second), { timeout: 60_000, interval: 500 })
      .toMatchObject({ safe: false });

    await must(first, "rm", BROKEN);
    await must(first, "systemctl", "daemon-reload");
    await must(first, "systemctl", "reset-failed", UNIT);
    await must(first, "systemctl", "start", UNIT);
    const pid = await pidOf(first);
    await whole();
    expect(await owing(fleet)).toEqual([second, led].toSorted());
    const { code, domain } = await maintain();
    expect(domain).toMatchObject({ state: "done", turns: [{ node: second }, { node: led }] });
    expect(code).toBe(0);
    expect(await pidOf(first)).toBe(pid);
  },
);
