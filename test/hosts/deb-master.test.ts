/**
 * Goal: the package of the master on a clean Debian: it starts once there is a trust root, as a user of its own that can change
 * nothing, with a bus that only lets in who may; Debian's own server stays away while it is there, and comes back after it.
 * Method: the package beside Debian's nats-server, installed with apt-get in real systemd machines.
 */
import { rmSync } from "node:fs";

import { afterAll, beforeAll, expect, test } from "vitest";

import { buildMasters, type MasterBuild } from "../support/debs.ts";
import { type Host, startHost } from "../support/host.ts";

let host: Host;
let debs: MasterBuild;
beforeAll(async () => {
  debs = await buildMasters();
  host = await startHost({ name: "control" });
}, 600_000);
afterAll(async () => {
  await host?.[Symbol.asyncDispose]();
  if (debs) rmSync(debs.dir, { recursive: true, force: true });
});

const POLL = { timeout: 120_000, interval: 250 };
const apt = (...words: string[]) =>
  host.must(["apt-get", "--yes", "--quiet", ...words], {
    env: { DEBIAN_FRONTEND: "noninteractive" },
    timeoutMs: 120_000,
  });
const unit = async (name: string, property: string): Promise<string> =>
  (await host.run(["systemctl", "show", "--property", property, "--value", name])).stdout.trim();
const listening = async (): Promise<string> => host.must(["ss", "-Hltn", "sport = :4222"]);
const nats = "nats-server.service";

test("installed with its nats-server, Debian's own service of it never starts, and nothing listens before there is a trust root", async () => {
  await apt("install", debs.one, debs.nats);
  expect(await unit(nats, "LoadState")).toBe("masked");
  expect(await host.must(["journalctl", "--quiet", "--unit", nats])).toBe("");
  expect(await listening()).toBe("");
  expect(await unit("boma-master.path", "ActiveState")).toBe("active");
  expect(await unit("boma-master", "ActiveState")).toBe("inactive");
});

test("with `boma-master init` it starts by itself, as its own user, and answers root's commands", async () => {
  await host.must(["boma-master", "init"]);
  await expect.poll(() => unit("boma-master", "ActiveState"), POLL).toBe("active");
  await expect.poll(async () => (await host.run(["boma-master", "status"])).exitCode, POLL).toBe(0);
  const pid = await unit("boma-master", "MainPID");
  expect((await host.must(["ps", "-o", "user=", "-p", pid])).trim()).toMatch(/^boma-ma/);
  expect(await listening()).toContain("127.0.0.1:4222");
  // What root's commands write the service can read.
  expect((await host.must(["stat", "-c", "%U", "/var/lib/boma-master/operator.json"])).trim()).toBe(
    "boma-master",
  );
  expect((await host.run(["boma-master", "check"])).exitCode).toBe(0);
});

test("its unit leaves it no way to change the machine, and an exposure that systemd calls OK", async () => {
  const said = await host.must(["systemd-analyze", "security", "--no-pager", "boma-master.service"]);
  const exposure = Number(/exposure level for boma-master\.service: ([\d.]+)/.exec(said)![1]);
  console.log(`boma-master.service: exposure ${exposure}`);
  expect(exposure).toBeLessThan(3);
});

test("upgraded it comes back with what it had, and a reboot starts it", async () => {
  const before = await host.must(["boma-master", "token", "create", "--json"]);
  await apt("install", debs.two);
  const status = async () => (await host.run(["boma-master", "status"])).exitCode;
  await expect.poll(status, POLL).toBe(0);
  expect((await host.must(["boma-master", "--version"])).trim()).toBe("2.0.0");
  const { id } = JSON.parse(before) as { id: string };
  expect(await host.must(["boma-master", "token", "list"])).toContain(id);
  await host.reboot();
  await expect.poll(status, POLL).toBe(0);
  expect(await unit(nats, "LoadState")).toBe("masked");
});

test("purged it stops and gives Debian's service back, and keeps the trust root, which only a person may delete", async () => {
  await apt("remove", "boma-master");
  expect(await listening()).toBe("");
  expect(await unit(nats, "LoadState")).toBe("masked");
  await apt("purge", "boma-master");
  expect(await unit(nats, "LoadState")).toBe("loaded");
  expect(await host.exists("/var/lib/boma-master/master/keys/root.json")).toBe(true);
  for (const path of [
    "/usr/lib/boma-master",
    "/etc/default/boma-master",
    "/var/lib/boma-master-nats",
    "/var/cache/boma-master",
  ])
    expect({ path, there: await host.exists(path) }).toEqual({ path, there: false });
});

test("a nats-server that ran before is stopped and masked, and runs again when the package has gone", async () => {
  await host.reset();
  await apt("install", debs.nats);
  expect(await unit(nats, "ActiveState")).toBe("active");
  await apt("install", debs.one);
  expect([await unit(nats, "ActiveState"), await unit(nats, "LoadState")]).toEqual(["inactive", "masked"]);
  await apt("purge", "boma-master");
  await expect.poll(() => unit(nats, "ActiveState"), POLL).toBe("active");
  expect(await host.exists("/var/lib/boma-master")).toBe(false);
  expect((await host.run(["getent", "passwd", "boma-master"])).exitCode).not.toBe(0);
});

test("a mask or a unit that the administrator made stays as it is", async () => {
  await host.reset();
  await host.must(["systemctl", "mask", nats]);
  await apt("install", debs.one, debs.nats);
  await apt("purge", "boma-master");
  expect(await unit(nats, "LoadState")).toBe("masked");
});
