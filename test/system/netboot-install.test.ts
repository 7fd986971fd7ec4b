// Goal: a machine that was let in through a window with --install is given the job, and starts from its disk when that is done and not before.
// Method: a real master and the real boot service; an agent whose installation ends as the test says, so that nothing is written anywhere.
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { BomaError, parseToken } from "@boma/protocol";
import { functions } from "@boma/states/core";
import { afterAll, beforeAll, expect, test } from "vitest";

import { Agent } from "../../packages/agent/src/agent.ts";
import { fixedGrains } from "../../packages/agent/src/emulate.ts";
import { emulatedHost } from "../../packages/agent/src/host/emulated.ts";
import { Fleet } from "../support/fleet.ts";
import { putImage } from "../support/netboot/small-image.ts";
import type { TestProcess } from "../support/process.ts";

let fleet: Fleet;
let service: TestProcess;
let http = "";
beforeAll(async () => {
  fleet = await Fleet.start();
  putImage(fleet.home, { name: "a-live" });
  putImage(fleet.home, { name: "b-install", install: true });
  const boot = join(fleet.dir, "boot.json");
  await fleet.ok("operator", "add", "boot", "--netboot", "--out", boot);
  const medium = join(fleet.dir, "casper");
  mkdirSync(medium);
  for (const name of ["vmlinuz", "initrd", "boma-agent_0.1.0_amd64.deb"])
    writeFileSync(join(medium, name), `the ${name}`);
  const ubuntu = ["--ubuntu", medium, "--ubuntu-iso", "http://10.77.0.1/live.iso", "--packages", medium];
  const ports = ["--http-port", "0", "--no-tftp"];
  service = fleet.spawn("netboot", "serve", ...ports, ...ubuntu, "--operator", boot, "--json");
  const { httpPort } = JSON.parse(await service.line(/"ready":true/)) as { httpPort: number };
  http = `http://127.0.0.1:${httpPort}`;
});
afterAll(async () => {
  await service?.[Symbol.asyncDispose]();
  await fleet?.[Symbol.asyncDispose]();
});

const script = async (mac: string): Promise<string> =>
  (await fetch(`${http}/script?mac=${mac}&arch=x86_64`)).text();
const stage = (mac: string, name: string) =>
  fleet.event("netboot.stage", ({ data }) => data["mac"] === mac && data["stage"] === name);

interface Ended {
  readonly install?: (params: object) => Promise<object>;
  readonly boot?: () => Promise<object>;
}
const DONE = { job: "j", disk: "/dev/vda", serial: "s", bytes: 1, hostname: "h", kernel: "k" };

/** The machine after its kernel has begun. */
async function booted(id: string, mac: string, text: string, { install, boot }: Ended = {}): Promise<Agent> {
  const ended = {
    "system.install": { ...functions["system.install"]!, run: install ?? (() => Promise.resolve(DONE)) },
    "system.boot-installed": {
      ...functions["system.boot-installed"]!,
      run: boot ?? (() => Promise.resolve({ ...DONE, bootId: "b" })),
    },
  };
  const { kit } = parseToken(readFileSync(join(fleet.home, "join"), "utf8").trim());
  const { token } = parseToken(/ boma\.token=(\S+)/.exec(text)![1]!);
  const agent = new Agent({
    dir: join(fleet.dir, `${id}-${Math.random()}`, "agent"),
    version: "0.1.0",
    kit,
    token,
    id,
    grains: fixedGrains({ hostname: id, macs: [mac] }),
    host: emulatedHost(),
    confined: true,
    functions: { ...functions, ...ended },
    durable: false,
    statusFile: false,
  });
  await agent.start();
  return agent;
}

interface Status {
  readonly windows: readonly { readonly for: { readonly value: string } }[];
  readonly machines: readonly { readonly mac: string; readonly stage?: string; readonly why?: string }[];
}
const status = async (mac: string) => {
  const { windows, machines } = (await fleet.json<Status>("netboot", "status")).value;
  return {
    windows: windows.filter((one) => one.for.value === mac).length,
    machine: machines.find((one) => one.mac === mac)!,
  };
};

test("it is given the disk of its window, told to start from it, and sent there by its boot script from then on", async () => {
  const mac = "52:54:00:01:00:01";
  await fleet.ok("netboot", "open", "--mac", mac, "--id", "disk-a", "--install", "--disk", "/dev/sdb");
  const text = await script(mac);
  expect(text).toMatch(/^kernel \/image\/b-install\/.* boma\.install /m);
  let asked: object | undefined;
  const install = (params: object) => Promise.resolve(((asked = params), DONE));
  const agent = await booted("disk-a", mac, text, { install });
  try {
    await stage(mac, "installed");
    expect(asked).toEqual({ disk: "/dev/sdb" });
    const done = await fleet.event(
      "job.returned",
      ({ data }) => data["function"] === "system.boot-installed",
    );
    expect(done.node).toBe(agent.key);
    const begun = await fleet.event("job.started", ({ data }) => data["function"] === "system.install");
    expect(begun).toMatchObject({ operator: "local", causes: ["netboot"] });
    expect(await status(mac)).toMatchObject({ windows: 0, machine: { stage: "installed" } });
    expect(await script(mac)).toMatch(/the node disk-a boots from its disk\nexit\n$/);
  } finally {
    await agent.stop();
  }
  // Nobody gets in by its name with other keys any more: it has a disk.
  await fleet.ok("netboot", "open", "--mac", mac, "--id", "disk-a", "--diskless");
  const again = await script(mac);
  expect(again).toMatch(/^kernel \/image\/a-live\//m);
  const stranger = await booted("disk-a", mac, again);
  try {
    await fleet.event("node.key-changed", ({ id }) => id === "disk-a");
  } finally {
    await stranger.stop();
  }
});

test("where its disk may not be written it says why, stays as it is, and goes on when an operator has allowed it", async () => {
  const mac = "52:54:00:01:00:02";
  await fleet.ok("netboot", "open", "--mac", mac, "--id", "disk-b", "--install");
  let allowed = false;
  const install = async () => {
    if (allowed) return DONE;
    throw new BomaError("install/disk", "no disk of this machine is proven empty");
  };
  const agent = await booted("disk-b", mac, await script(mac), { install });
  try {
    await expect
      .poll(async () => (await status(mac)).machine.why, { timeout: 120_000 })
      .toBe("no disk of this machine is proven empty");
    expect(await status(mac)).toMatchObject({ windows: 1, machine: { stage: "installing" } });
    allowed = true;
    await fleet.ok("run", "disk-b", "system.install", "/dev/sdb");
    await stage(mac, "installed");
  } finally {
    await agent.stop();
  }
});

test("it is not begun by an operator who may open windows no more", async () => {
  const mac = "52:54:00:01:00:03";
  const operator = join(fleet.dir, "leaver");
  await fleet.ok("operator", "add", "leaver", "--admin", "--out", operator);
  await fleet.ok("netboot", "open", "--mac", mac, "--id", "disk-c", "--install", "--operator", operator);
  const text = await script(mac);
  await fleet.ok("operator", "remove", "leaver");
  const agent = await booted("disk-c", mac, text);
  try {
    await expect
      .poll(async () => (await status(mac)).machine.why, { timeout: 120_000 })
      .toMatch(/leaver, who opened the window, is no operator any more/);
  } finally {
    await agent.stop();
  }
});

test("a machine that may be put on a disk, and one that may not, are two windows", async () => {
  const mac = "52:54:00:01:00:04";
  for (const words of [
    ["--install", "--diskless"],
    ["--disk", "/dev/sda"],
    ["--install", "--disk", "sda"],
  ]) {
    const { code } = await fleet.run("netboot", "open", "--mac", mac, ...words);
    expect(code).toBe(2);
  }
});

test("Ubuntu's installer is told its answers inside the window, given a token at its end, and sent to its disk after it", async () => {
  const mac = "52:54:00:01:00:05";
  const at = `/ubuntu/${mac.replaceAll(":", "-")}`;
  const get = async (path: string) => {
    const answer = await fetch(http + path);
    return { status: answer.status, text: await answer.text() };
  };
  expect(await get(`${at}/user-data`)).toMatchObject({ status: 403 });
  const words = ["--install", "--image", "ubuntu", "--disk", "/dev/nvme0n1"];
  await fleet.ok("netboot", "open", "--mac", mac, "--id", "disk-u", ...words);
  const text = await script(mac);
  expect(text).toMatch(/^kernel \/ubuntu\/vmlinuz .* url=http:\/\/10\.77\.0\.1\/live\.iso autoinstall /m);
  expect(text).toContain(`ds=nocloud-net;s=${http}${at}/`);
  expect(text).not.toContain("boma.token");
  expect(await get("/ubuntu/vmlinuz")).toEqual({ status: 200, text: "the vmlinuz" });
  const answers = await get(`${at}/user-data`);
  expect(answers.text).toContain('"/dev/nvme0n1"');
  expect(answers.text).not.toMatch(/bt_/);
  expect((await get(`${at}/join`)).text).toMatch(/^boma1\./);
  expect((await get(`${at}/token`)).text).toMatch(/^bt_/);
  await stage(mac, "installed");
  expect(await script(mac)).toMatch(/the node disk-u boots from its disk\nexit\n$/);
  expect(await get(`${at}/token`)).toMatchObject({ status: 403 });
  expect((await status(mac)).machine.stage).toBe("installed");
});
