/**
 * Goal: what is owed is restarted one machine after the other, who leads last; what goes wrong stops the rest.
 * Method: three machines with a unit that takes its time to stop and to start, whose role a command of the site
 * says; one at a time is read from the times in their journals, which come from one clock.
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { afterAll, beforeAll, expect, test } from "vitest";

import { Fleet } from "../support/fleet.ts";
import { type Host, onBridge, startHost } from "../support/host.ts";
import { type Maintained, owing } from "../support/maintained.ts";
import { run } from "../support/run.ts";

const NAMES = ["n1", "n2", "n3"] as const;

/** `acme-ready` is what its gate looks at: it goes with the daemon, and does not come up where that is broken. */
const site = (
  word: string,
): string => `import { file, gate, maintenance, service, systemd, top, tree } from "@boma/states";
const node = tree(() => {
  const role = file.managed("/usr/local/bin/acme-role", {
    mode: "0755",
    contents: [
      "#!/bin/sh",
      'role=$(cat /etc/acme-role 2>/dev/null || echo follower)',
      'safe=true; [ -e /etc/acme-unsafe ] && safe=false',
      'printf \\'{"role":"%s","safe":%s,"why":"says the test"}\\' "$role" "$safe"',
      "",
    ].join("\\n"),
  });
  const conf = file.managed("/etc/acme.conf", { contents: ${JSON.stringify(word)} });
  const daemon = systemd.unit("acme.service", {
    sections: {
      Unit: { Wants: "acme-ready.service" },
      Service: { ExecStartPre: "/bin/sleep 1", ExecStart: "/bin/sleep infinity", ExecStop: "/bin/sleep 1" },
      Install: { WantedBy: "multi-user.target" },
    },
  });
  const ready = systemd.unit("acme-ready.service", {
    sections: {
      Unit: { PartOf: "acme.service", After: "acme.service" },
      Service: { Type: "oneshot", RemainAfterExit: "yes", ExecStart: "/bin/sh -c 'test ! -e /etc/acme-broken'" },
    },
  });
  const up = service.running("acme", {
    stage: "apps",
    restart: "window",
    domain: "acme",
    role: { command: ["/usr/local/bin/acme-role"] },
    stableFor: "0s",
    require: [role, daemon, ready],
    watch: conf,
  });
  return [
    up,
    gate.unit("acme-ready.service", { stage: "apps", within: "4s", every: "200ms", require: up }),
    maintenance.window("always", { cron: "* * * * *", duration: "1h" }),
  ];
});
export default top({ "*": [node] });
`;

const hosts = new Map<string, Host>();
let fleet: Fleet;
beforeAll(async () => {
  const started = await Promise.all(NAMES.map((name) => startHost({ name })));
  for (const host of started) hosts.set(host.name, host);
  fleet = await Fleet.start(await onBridge());
  await Promise.all(started.map((host) => host.enrol(fleet)));
  await configure("one");
});
afterAll(async () => {
  await fleet?.[Symbol.asyncDispose]();
  await Promise.all([...hosts.values()].map((host) => host[Symbol.asyncDispose]()));
});

/** Another configuration: from the second one on every machine owes a restart. */
async function configure(word: string): Promise<void> {
  mkdirSync(join(fleet.home, "site"), { recursive: true });
  writeFileSync(join(fleet.home, "site/top.ts"), site(word));
  const { code, value } = await run(fleet, "*", "state.apply");
  if (code !== 0) throw new Error(`the apply failed: ${JSON.stringify(value)}`);
}

const maintain = async (...words: readonly string[]) => {
  const { code, value } = await fleet.json<Maintained>("maintain", "*", ...words);
  return { code, value, domain: value.domains?.[0] };
};
const must = (name: string, ...argv: string[]): Promise<string> => hosts.get(name)!.must(argv);
const pids = (): Promise<string[]> =>
  Promise.all(NAMES.map((name) => must(name, "systemctl", "show", "-P", "MainPID", "acme")));
const since = async (): Promise<string> => (await must("n1", "date", "+%Y-%m-%d %H:%M:%S")).trim();

/** From the first word of systemd about stopping the unit to its last word about starting it. */
async function outage(name: string, from: string): Promise<{ name: string; from: number; to: number }> {
  const argv = ["journalctl", "-u", "acme.service", "_PID=1", "--since", from, "-o", "json", "-q"];
  const times = (await must(name, ...argv))
    .trim()
    .split("\n")
    .map((line) => Number((JSON.parse(line) as { __REALTIME_TIMESTAMP: string }).__REALTIME_TIMESTAMP));
  return { name, from: Math.min(...times), to: Math.max(...times) };
}

test("one machine after another is restarted, who leads last, and then nothing is owed any more", async () => {
  await configure("two");
  await must("n2", "sh", "-c", "echo leader > /etc/acme-role");
  const [from, before] = [await since(), await pids()];
  const { code, domain } = await maintain();
  expect(code).toBe(0);
  expect(domain).toMatchObject({ domain: "acme", state: "done", left: [] });
  expect(domain!.turns.map(({ node, role, status }) => `${node} ${role} ${status}`)).toEqual([
    "n1 follower changed",
    "n3 follower changed",
    "n2 leader changed",
  ]);
  for (const [at, pid] of (await pids()).entries()) expect(pid).not.toBe(before[at]);
  const outages = await Promise.all(NAMES.map((name) => outage(name, from)));
  outages.sort((a, b) => a.from - b.from);
  expect(outages.map(({ name }) => name)).toEqual(["n1", "n3", "n2"]);
  for (const [at, { to }] of outages.slice(0, -1).entries()) expect(to).toBeLessThan(outages[at + 1]!.from);
  // Each of them was away for a while: two at once would have been seen.
  for (const { from: down, to } of outages) expect(to - down).toBeGreaterThan(1_000_000);
  expect((await fleet.run("maintain", "*")).stdout).toBe("nothing waits for maintenance\n");
});

test("what somebody restarted after the change is owed no more, be it by hand or with the machine", async () => {
  await configure("three");
  expect(await owing(fleet)).toEqual(["n1", "n2", "n3"]);
  const from = Date.now();
  await must("n1", "systemctl", "restart", "acme");
  const back = fleet.event("node.connected", ({ id, at }) => id === "n2" && at >= from);
  const n2 = hosts.get("n2")!;
  await n2.reboot();
  await n2.serviceAgent("boma-agent", ["run", "--id", "n2"]);
  await back;
  expect(await owing(fleet)).toEqual(["n3"]);
  const settled = new Set(["n1", "n2"]);
  await fleet.event("maintenance.settled", ({ id, at }) => {
    if (at >= from) settled.delete(id!);
    return settled.size === 0;
  });
  await must("n2", "sh", "-c", "systemctl is-system-running --wait; systemctl is-active acme");
  const before = await pids();
  const { code, domain } = await maintain();
  expect(code).toBe(0);
  expect(domain!.turns.map(({ node, status }) => `${node} ${status}`)).toEqual(["n3 changed"]);
  const after = await pids();
  expect(after.slice(0, 2)).toEqual(before.slice(0, 2));
  expect(after[2]).not.toBe(before[2]);
});

test("a restart by hand before the change takes nothing of it, nor does one with a unit file that systemd has not read", async () => {
  await must("n1", "systemctl", "restart", "acme");
  await configure("four");
  expect(await owing(fleet)).toEqual(["n1", "n2", "n3"]);
  // Then another change, which the restart in between has not seen.
  await must("n1", "systemctl", "restart", "acme");
  await configure("five");
  expect(await owing(fleet)).toEqual(["n1", "n2", "n3"]);
  await must("n2", "sh", "-c", "mkdir -p /etc/systemd/system/acme.service.d");
  await must("n2", "sh", "-c", "printf '[Service]\\nNice=1\\n' > /etc/systemd/system/acme.service.d/x.conf");
  await must("n2", "systemctl", "restart", "acme");
  expect(await owing(fleet)).toContain("n2");
  await must("n2", "rm", "-r", "/etc/systemd/system/acme.service.d");
  await must("n2", "systemctl", "daemon-reload");
  expect((await maintain()).code).toBe(0);
});

test("a gate that stays shut behind the first machine leaves all others as they are", async () => {
  await configure("six");
  await must("n1", "touch", "/etc/acme-broken");
  const before = await pids();
  const { code, domain } = await maintain();
  expect(code).toBe(1);
  expect(domain).toMatchObject({
    state: "stopped",
    // In the order in which their turns would have come: who leads is the last one.
    left: ["n3", "n2"],
    turns: [{ node: "n1", status: "failed" }],
  });
  const { stdout } = await fleet.run("maintain", "*", "--dry-run");
  expect(stdout).not.toMatch(/ n1 /);
  expect((await pids()).slice(1)).toEqual(before.slice(1));
  await must("n1", "sh", "-c", "rm /etc/acme-broken; systemctl reset-failed; systemctl start acme-ready");
});

test("where the cluster could not do without one, nobody is restarted, and what it says is the cause", async () => {
  await must("n3", "touch", "/etc/acme-unsafe");
  await must("n2", "rm", "-f", "/etc/acme-role");
  await must("n2", "touch", "/etc/acme-unsafe");
  const before = await pids();
  const { code, domain } = await maintain("--wait", "1s");
  expect(code).toBe(1);
  expect(domain).toMatchObject({
    state: "stopped",
    why: expect.stringContaining("not safe to restart: says the test") as string,
    turns: [],
  });
  // Whoever goes around the command is told the same by the machine itself.
  const direct = await run(fleet, "n3", "maintenance.run", "acme");
  expect(direct.value.nodes["n3"]).toMatchObject({
    status: "refused",
    error: { code: "maintenance/unsafe" },
  });
  expect(await pids()).toEqual(before);
  await must("n3", "rm", "/etc/acme-unsafe");
  expect((await maintain("--unsafe")).code).toBe(0);
});
