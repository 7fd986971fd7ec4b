/**
 * Goal: each beacon sees the real thing happen on a real machine, and the operator reads it as an event.
 * Method: one enrolled Debian with systemd, journald, sshd and a network; each beacon is declared by a job.
 */
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { afterAll, beforeAll, expect, test } from "vitest";

import { Fleet, type ToldEvent } from "../support/fleet.ts";
import { type Host, onBridge, startHost } from "../support/host.ts";
import { run } from "../support/run.ts";

let host: Host;
let fleet: Fleet;
beforeAll(async () => {
  host = await startHost({ name: "watched" });
  fleet = await Fleet.start(await onBridge());
  await host.enrol(fleet);
});
afterAll(async () => {
  await host?.[Symbol.asyncDispose]();
  await fleet?.[Symbol.asyncDispose]();
});

const declare = (state: string, key: string, params: object = {}): Promise<string> =>
  fleet.ok("run", "watched", "state.single", state, key, `params=${JSON.stringify(params)}`);

const told = (kind: string, level: string, fits: (data: Record<string, unknown>) => boolean = () => true) =>
  fleet.event(kind, ({ data }: ToldEvent) => data["level"] === level && fits(data));

const makeUnit = async (name: string, lines: readonly string[] = []): Promise<void> => {
  const text = ["[Service]", "ExecStart=/bin/sleep infinity", ...lines, ""].join("\n");
  await host.write(`/etc/systemd/system/${name}`, text);
  await host.must(["systemctl", "daemon-reload"]);
  await host.must(["systemctl", "start", name]);
};

test("a service that is killed is raised, and cleared when it runs again", async () => {
  await makeUnit("frail.service");
  await declare("beacon.service", "frail.service");
  await host.must(["systemctl", "kill", "--signal=KILL", "frail.service"]);
  const raised = await told("beacon.service", "raised");
  expect(raised).toMatchObject({
    id: "watched",
    data: {
      beacon: "beacon.service(frail.service)",
      unit: "frail.service",
      state: "failed",
      result: "signal",
    },
  });
  await host.must(["systemctl", "restart", "frail.service"]);
  expect((await told("beacon.service", "cleared")).data).toMatchObject({ state: "active" });
});

test("a service that systemd restarts is told, though it runs again at once", async () => {
  await makeUnit("tough.service", ["Restart=always", "RestartSec=100ms"]);
  await declare("beacon.service", "tough.service");
  await host.must(["systemctl", "kill", "--signal=KILL", "tough.service"]);
  await told(
    "beacon.service",
    "happened",
    ({ unit, state }) => unit === "tough.service" && state === "restarted",
  );
});

test("a drop-in that somebody puts beside a unit is told with its path", async () => {
  await declare("beacon.unit", "frail.service");
  const path = "/etc/systemd/system/frail.service.d/10-own.conf";
  await host.write(path, "[Service]\nNice=5\n");
  await told("beacon.unit", "happened", (data) => data["path"] === path);
});

test("a file that is changed and removed is told, with what it is now", async () => {
  await host.write("/etc/watched.conf", "one\n");
  await declare("beacon.file", "/etc/watched.conf", { digest: true });
  await host.write("/etc/watched.conf", "two\n");
  const changed = await told("beacon.file", "happened", ({ what }) => what === "changed");
  expect(changed.data["digest"]).toMatch(/^[0-9a-f]{64}$/);
  await host.must(["rm", "/etc/watched.conf"]);
  await told("beacon.file", "happened", ({ what }) => what === "removed");
});

test("a file system that is filled is raised, and cleared when there is room", async () => {
  await host.must(["mkdir", "-p", "/mnt/small"]);
  await host.must(["mount", "-t", "tmpfs", "-o", "size=1m", "small", "/mnt/small"]);
  await declare("beacon.disk", "/mnt/small", { usedPercent: 80, hold: "0s" });
  await host.must(["dd", "if=/dev/zero", "of=/mnt/small/full", "bs=1k", "count=900"]);
  const raised = await told("beacon.disk", "raised");
  expect(raised.data["usedPercent"]).toBeGreaterThan(80);
  await host.must(["rm", "/mnt/small/full"]);
  await told("beacon.disk", "cleared");
});

test("guessing a password is told with who and from where, and counted", async () => {
  await declare("beacon.login", "*", { count: 2, within: "5m" });
  await host.must(["systemctl", "start", "ssh"]);
  await host.write("/root/guess", "#!/bin/sh\necho wrong\n");
  await host.must(["chmod", "755", "/root/guess"]);
  const words = ["-o", "StrictHostKeyChecking=no", "-o", "PreferredAuthentications=password"];
  for (let time = 0; time < 2; time++)
    await host.run(["ssh", ...words, "-o", "NumberOfPasswordPrompts=1", "mallory@127.0.0.1", "true"], {
      env: { SSH_ASKPASS: "/root/guess", SSH_ASKPASS_REQUIRE: "force", DISPLAY: ":0" },
    });
  expect((await told("beacon.login", "happened")).data).toMatchObject({
    user: "mallory",
    from: "127.0.0.1",
    count: 2,
    windowSeconds: 300,
  });
});

test("a link that goes down is raised, and cleared when it comes up", async () => {
  await host.must(["ip", "link", "add", "west", "type", "veth", "peer", "name", "east"]);
  for (const link of ["west", "east"]) await host.must(["ip", "link", "set", link, "up"]);
  await declare("beacon.link", "west", { hold: "0s" });
  await host.must(["ip", "link", "set", "east", "down"]);
  await told("beacon.link", "raised", (data) => data["link"] === "west");
  await host.must(["ip", "link", "set", "east", "up"]);
  await told("beacon.link", "cleared");
});

test("a machine that asks to be rebooted says for which packages", async () => {
  await declare("beacon.reboot", "node");
  await host.write("/run/reboot-required.pkgs", "linux-image-amd64\nlibc6\nlibc6\n");
  await host.write("/run/reboot-required", "*** System restart required ***\n");
  expect((await told("beacon.reboot", "raised")).data["reasons"]).toEqual([
    "the package linux-image-amd64 asks for it",
    "the package libc6 asks for it",
  ]);
});

test("a certificate that is about to end is raised, and cleared when another one takes its place", async () => {
  const dir = mkdtempSync(join(tmpdir(), "boma-cert-"));
  const make = (days: number): string => {
    const words = ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"];
    const out = ["-keyout", `${dir}/key`, "-out", `${dir}/cert`, "-subj", "/CN=web", "-days", String(days)];
    execFileSync("openssl", [...words, ...out], { stdio: "ignore" });
    return readFileSync(`${dir}/cert`, "utf8");
  };
  try {
    await host.write("/etc/ssl/web.pem", make(5));
    await declare("beacon.certificate", "/etc/ssl/web.pem", { days: 14 });
    expect((await told("beacon.certificate", "raised")).data).toMatchObject({ subject: "CN=web" });
    await host.write("/etc/ssl/web.pem.new", make(90));
    await host.must(["mv", "/etc/ssl/web.pem.new", "/etc/ssl/web.pem"]);
    await told("beacon.certificate", "cleared");
  } finally {
    rmSync(dir, { recursive: true });
  }
});

test("memory, load, pressure and the clock are read from the real kernel", async () => {
  // The host and its master share one clock, which is never off: what can be seen is a keeper that has not set it yet.
  await host.must(["mkdir", "-p", "/run/systemd/timesync"]);
  await declare("beacon.memory", "node", { usedPercent: 0.1, hold: "0s" });
  await declare("beacon.load", "node", { perCpu: 0.0001, hold: "0s" });
  await declare("beacon.time", "node", { hold: "0s" });
  for (const resource of ["cpu", "memory", "io"]) await declare("beacon.pressure", resource);
  expect((await told("beacon.memory", "raised")).data["availableBytes"]).toBeGreaterThan(1e6);
  expect((await told("beacon.load", "raised")).data["load"]).toBeGreaterThan(0);
  const unset = (await told("beacon.time", "raised")).data;
  expect(unset).toMatchObject({ synchronised: false });
  expect(Math.abs(unset["offsetMs"] as number)).toBeLessThan(1000);
});

test("beacon.list names all that is watched, what is raised, and nothing that it cannot see", async () => {
  const { value } = await run(fleet, "watched", "beacon.list");
  const list = value.nodes["watched"]!.return as { beacon: string; level: string; problem?: string }[];
  expect(list.filter(({ problem }) => problem !== undefined)).toEqual([]);
  expect(list.map(({ beacon }) => beacon)).toContain("beacon.login(*)");
  expect(list.find(({ beacon }) => beacon === "beacon.reboot(node)")?.level).toBe("raised");
});

test("what was raised before the agent was killed is not raised again, and is cleared afterwards", async () => {
  const since = async () => {
    const text = await fleet.ok("events", "beacon.reboot", "--since", "1h", "--json");
    return text.match(/"level":"(raised|cleared)"/g) ?? [];
  };
  expect(await since()).toEqual(['"level":"raised"']);
  const started = fleet.event("node.started", ({ data }) => data["start"] === 2);
  await host.must(["systemctl", "kill", "--signal=KILL", "boma-agent"]);
  await host.run(["systemctl", "reset-failed", "boma-agent"]);
  await host.serviceAgent("boma-agent", ["run", "--id", "watched"]);
  await started;
  await host.must(["rm", "/run/reboot-required"]);
  await told("beacon.reboot", "cleared");
  expect(await since()).toEqual(['"level":"raised"', '"level":"cleared"']);
});
