// Goal: a machine without a disk is switched on and is as the site says, with nobody's hand on it, each time; what it booted is what the release key signed.
// Method: an image out of Debian's packages, a real master with TLS, the boot service with its own DHCP on a LAN of their own, and a machine that boots by PXE.
import { afterAll, beforeAll, expect, test } from "vitest";

import type { NodeView } from "../../packages/master/src/api/verbs/nodes.ts";
import { bootSeconds, figuresText } from "../support/netboot/boot-figures.ts";
import { BootLan, type ImageFigures } from "../support/netboot/boot-lan.ts";
import type { TestProcess } from "../support/process.ts";

const MAC = "52:54:00:b0:07:01";
const UUID = "3f0c1e52-7d1a-4f5e-9c59-0d9b6d1f2a11";
let lan: BootLan;
let figures: ImageFigures;
let machine: TestProcess;
let convergedAt = 0;
beforeAll(async () => {
  lan = await BootLan.onOwn();
  figures = await lan.build("amd64");
  await lan.serveDhcp("full");
});
afterAll(async () => {
  await machine?.[Symbol.asyncDispose]();
  await lan?.[Symbol.asyncDispose]();
});

const powerOn = () => lan.machine({ arch: "amd64", mac: MAC, uuid: UUID });
const node = async () => (await lan.fleet.json<NodeView[]>("nodes")).value.find(({ id }) => id === "live-1")!;

test("a machine is switched on, is given an address and an image, and converges with nobody's hand on it", async () => {
  await lan.fleet.ok("netboot", "open", "--mac", MAC, "--env", "dev", "--id", "live-1", "--diskless");
  const switchedOn = Date.now();
  machine = await powerOn();
  await machine.line(/live-1 starts/);
  await machine.line(/fingerprint {2}(\w{4}-){3}\w{4}( {1,2}[a-z]{5}){5} {2}live-1/);
  ({ sequence: convergedAt } = await lan.stage(MAC, "converged"));
  const seconds = await bootSeconds(lan, MAC, switchedOn);
  console.log(figuresText("amd64", seconds, figures));
  const stages = ["dhcp", "script", "kernel", "initrd", "asked", "approved", "converged"];
  expect(Object.keys(seconds)).toEqual(stages);
  expect(await lan.onNode("live-1", "cat /etc/motd")).toBe("live-1 runs from memory\n");
});

test("after a power cut it asks until the master is there again, and comes back under new keys; the old one is revoked", async () => {
  const before = await node();
  // The emulator ends at once, and nothing in the machine hears of it.
  await machine.stop();
  await lan.fleet.master.stop();
  machine = await powerOn();
  await machine.line(/the master does not answer/);
  await lan.fleet.serve();
  const switchedOn = Date.now();
  await lan.stage(MAC, "converged", convergedAt);
  console.log(
    figuresText("amd64, since the master was there", await bootSeconds(lan, MAC, switchedOn), figures),
  );
  const revoked = await lan.fleet.event("node.revoked", ({ id }) => id === "live-1");
  expect(revoked.node).toBe(before.key);
  const after = await node();
  expect(after.key).not.toBe(before.key);
  expect(after).toMatchObject({ connected: true, assurance: "boot-token", assigned: { env: "dev" } });
});
