// Goal: a machine boots inside a window and with a token of its own, or is told why not; nobody else gets in by what it was told.
// Method: a real master, the real boot service as an operator who may do nothing else, and agents with the hardware of the test.
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { newSigningKey } from "@boma/protocol";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

import type { NodeView } from "../../packages/master/src/api/verbs/nodes.ts";
import { Fleet, type ToldEvent } from "../support/fleet.ts";
import { putImage } from "../support/netboot/small-image.ts";
import type { TestProcess } from "../support/process.ts";

const SITE = {
  "top.ts": 'import { top } from "@boma/states";\nexport default top({ "env:dev": ["base"] });\n',
  "states/base.yaml": '- file.managed: /base\n  contents: "${node.id}\\n"\n',
};

let fleet: Fleet;
let service: TestProcess;
let http = "";
const boot = () => join(fleet.dir, "boot.json");

beforeAll(async () => {
  fleet = await Fleet.prepare();
  mkdirSync(join(fleet.home, "site/states"), { recursive: true });
  for (const [name, text] of Object.entries(SITE)) writeFileSync(join(fleet.home, "site", name), text);
  await fleet.serve();
  putImage(fleet.home);
  await fleet.ok("operator", "add", "boot", "--netboot", "--out", boot());
  const ports = ["--http-port", "0", "--no-tftp"];
  service = fleet.spawn("netboot", "serve", ...ports, "--operator", boot(), "--json");
  const { httpPort } = JSON.parse(await service.line(/"ready":true/)) as { httpPort: number };
  http = `http://127.0.0.1:${httpPort}`;
});
afterAll(async () => {
  await service?.[Symbol.asyncDispose]();
  await fleet?.[Symbol.asyncDispose]();
});

async function get(path: string) {
  const answer = await fetch(http + path);
  return { status: answer.status, text: await answer.text() };
}
const script = async (mac: string) => (await get(`/script?mac=${mac}&arch=x86_64`)).text;
const tokenIn = (text: string): string => / boma\.token=(\S+)/.exec(text)![1]!;
const open = (...words: readonly string[]) => fleet.ok("netboot", "open", ...words);
const of = (mac: string) => (event: ToldEvent) => event.data["mac"] === mac;
const reached = (mac: string, stage: string) => (event: ToldEvent) =>
  event.data["mac"] === mac && event.data["stage"] === stage;
const nodes = async () => (await fleet.json<NodeView[]>("nodes")).value;

interface More {
  readonly home?: string;
  readonly waitFor?: RegExp;
  readonly join?: string;
}

interface Status {
  readonly machines: readonly { readonly mac: string; readonly stage?: string }[];
}
async function stageNow(mac: string): Promise<string | undefined> {
  const { machines } = (await fleet.json<Status>("netboot", "status")).value;
  return machines.find((machine) => machine.mac === mac)?.stage;
}

/** The machine after its kernel has begun: its agent has this address, the image's pin, and the script's token. */
const booted = (id: string, mac: string, token: string, { join: kit, ...more }: More = {}) =>
  fleet.agent(id, {
    token,
    args: ["--join", kit ?? join(fleet.home, "join")],
    files: { "sys/class/net/eth0/address": `${mac}\n`, "sys/class/net/eth0/type": "1\n" },
    ...more,
  });

test("a machine without a window is given no token, waits, and an operator hears of it once", async () => {
  const mac = "52:54:00:00:01:01";
  const text = await script(mac);
  expect(text).toMatch(/does not boot: no boot window is open/);
  expect(text).not.toContain("boma.token");
  expect(await script(mac)).toBe(text);
  const told = await fleet.event("netboot.refused", of(mac));
  expect(told.data["why"]).toMatch(/no boot window/);
  const { value } = await fleet.json<ToldEvent[]>("events", "netboot.refused", "--since", "1h");
  expect(value.filter(of(mac))).toHaveLength(1);
});

test("inside its window a machine is given kernel, root and a token, and each stage is told", async () => {
  const mac = "52:54:00:00:02:01";
  await open("--mac", mac, "--env", "dev", "--id", "lan-2");
  const text = await script(mac);
  expect(text).toMatch(/^kernel \/image\/small\/52-54-00-00-02-01\/kernel .*boma\.id=lan-2/m);
  expect(await get(`/image/small/${mac}/kernel`)).toEqual({ status: 200, text: "the kernel" });
  expect(await get(`/image/small/${mac}/initrd`)).toEqual({ status: 200, text: "the root" });
  await fleet.event("netboot.stage", reached(mac, "initrd"));
  await booted("lan-2", mac, tokenIn(text));
  await fleet.event("netboot.stage", reached(mac, "approved"));
  expect((await nodes()).find(({ id }) => id === "lan-2")).toMatchObject({
    assurance: "boot-token",
    assigned: { env: "dev" },
  });
  // Looking is not converging, and neither is another function.
  await fleet.run("run", "lan-2", "state.apply", "--test");
  await fleet.ok("run", "lan-2", "test.ping");
  expect(await stageNow(mac)).toBe("approved");
  await fleet.ok("run", "lan-2", "state.apply");
  await fleet.event("netboot.stage", reached(mac, "converged"));
  expect(await stageNow(mac)).toBe("converged");
});

test("a token that was used is refused for another machine, even one with the same address", async () => {
  const mac = "52:54:00:00:03:01";
  await open("--mac", mac);
  const token = tokenIn(await script(mac));
  await booted("spent-a", mac, token);
  await fleet.agents.get("spent-a")!.stop();
  await fleet.ok("revoke", "spent-a");
  await booted("spent-b", mac, token, { waitFor: /the token was refused/ });
  const told = await fleet.event("node.token-refused", ({ id }) => id === "spent-b");
  expect(told.data["reason"]).toMatch(/is spent$/);
});

test("of two machines with one address the earlier token ends when the later is made, and that is told", async () => {
  const mac = "52:54:00:00:04:01";
  await open("--mac", mac);
  const first = tokenIn(await script(mac));
  const second = tokenIn(await script(mac));
  expect(second).not.toBe(first);
  await booted("twin-a", mac, first, { waitFor: /the token was refused/ });
  await fleet.event("node.token-refused", ({ id }) => id === "twin-a");
  await booted("twin-b", mac, second);
});

test("of two machines with one address that ask at the same moment one token holds, and no more", async () => {
  const mac = "52:54:00:00:0b:01";
  await open("--mac", mac);
  await Promise.all(Array.from({ length: 8 }, () => script(mac)));
  const { value } = await fleet.json<{ mac?: string }[]>("token", "list");
  expect(value.filter((token) => token.mac === mac)).toHaveLength(1);
});

test("a token is for the machine that it was made for", async () => {
  const mac = "52:54:00:00:05:01";
  await open("--mac", mac);
  await booted("thief", "52:54:00:00:05:99", tokenIn(await script(mac)), {
    waitFor: /the token was refused/,
  });
  const told = await fleet.event("node.token-refused", ({ id }) => id === "thief");
  expect(told.data["reason"]).toMatch(/for the machine with 52:54:00:00:05:01/);
});

describe("a diskless node", () => {
  const mac = "52:54:00:00:06:01";
  let former: NodeView;
  beforeAll(async () => {
    await open("--mac", mac, "--env", "dev", "--id", "ram-1", "--diskless");
    await booted("ram-1", mac, tokenIn(await script(mac)));
    former = (await nodes()).find(({ id }) => id === "ram-1")!;
    await fleet.ok("assign", "ram-1", "rack=A12");
  });

  test("is not taken over while it is connected: the other waits for an operator", async () => {
    const home = join(fleet.dir, "ram-1-other");
    const waitFor = /known with another key/;
    const living = fleet.agents.get("ram-1")!;
    await using other = await booted("ram-1", mac, tokenIn(await script(mac)), { home, waitFor });
    expect(other.pid).not.toBe(living.pid);
    await fleet.event("node.key-changed", ({ id }) => id === "ram-1");
    expect((await nodes()).find(({ id }) => id === "ram-1")).toMatchObject({ key: former.key });
    fleet.agents.set("ram-1", living);
  });

  test("comes back after a boot under new keys with its assigned grains, and the old key is revoked", async () => {
    await fleet.agents.get("ram-1")!.stop("SIGKILL");
    await fleet.event("node.disconnected", ({ id }) => id === "ram-1");
    await booted("ram-1", mac, tokenIn(await script(mac)), { home: join(fleet.dir, "ram-1-again") });
    const told = await fleet.event("node.revoked", ({ id }) => id === "ram-1");
    expect(told.node).toBe(former.key);
    const back = (await nodes()).find(({ id }) => id === "ram-1")!;
    expect(back.key).not.toBe(former.key);
    expect(back.assigned).toEqual({ env: "dev", rack: "A12" });
    await fleet.ok("run", "ram-1", "test.ping");
  });
});

test("a node with a disk that comes with another key waits, whatever its boot script says", async () => {
  const mac = "52:54:00:00:07:01";
  await open("--mac", mac);
  await booted("disk-1", mac, tokenIn(await script(mac)));
  expect(await script(mac)).toMatch(
    /the node disk-1 has this hardware  and is connected|has this hardware, and/,
  );
  await fleet.agents.get("disk-1")!.stop();
  await fleet.event("node.disconnected", ({ id }) => id === "disk-1");
  const home = join(fleet.dir, "disk-1-again");
  const waitFor = /known with another key/;
  await booted("disk-1", mac, tokenIn(await script(mac)), { home, waitFor });
});

describe("an image", () => {
  const mac = "52:54:00:00:08:01";
  test("whose root was altered after it was signed is not served, and that is told", async () => {
    await open("--mac", mac, "--image", "altered");
    const dir = putImage(fleet.home, { name: "altered" });
    writeFileSync(join(dir, "initrd"), "the rook");
    expect(await script(mac)).toMatch(/there is no image altered/);
    expect((await get(`/image/altered/${mac}/initrd`)).status).toBe(404);
    const told = await fleet.event("netboot.image-refused", ({ data }) => data["image"] === "altered");
    expect(told.data["why"]).toMatch(/initrd of the image altered is not the one that was signed/);
    const { code, value } = await fleet.json<{ refused: { name: string }[] }>("image", "list");
    expect({ code, refused: value.refused.map(({ name }) => name) }).toEqual({
      code: 1,
      refused: ["altered"],
    });
    putImage(fleet.home, { name: "altered" });
    expect(await script(mac)).toMatch(/boots altered/);
  });

  test("of another master's, or under another's name, is not served", async () => {
    putImage(fleet.home, { name: "foreign", root: newSigningKey().publicKey });
    await script(mac);
    const told = await fleet.event("netboot.image-refused", ({ data }) => data["image"] === "foreign");
    expect(told.data["why"]).toMatch(/root key of another master/);
  });
});

test("cloud-init is given who the master is and a token that lets its machine in, inside a window only", async () => {
  const mac = "52:54:00:00:0a:01";
  const at = `/nocloud/${mac.replaceAll(":", "-")}`;
  expect((await get(`${at}/user-data`)).status).toBe(403);
  await open("--mac", mac, "--id", "cloud-1");
  const { status, text } = await get(`${at}/user-data`);
  expect(status).toBe(200);
  const files = (
    JSON.parse(text.replace("#cloud-config\n", "")) as { write_files: { path: string; content: string }[] }
  ).write_files;
  const content = (path: string) => files.find((file) => file.path === path)!.content;
  writeFileSync(join(fleet.dir, "seed-join"), content("/etc/boma/join"));
  await booted("cloud-1", mac, content("/etc/boma/token"), { join: join(fleet.dir, "seed-join") });
  expect((await get(`${at}/meta-data`)).text).toContain('"local-hostname": "cloud-1"');
  expect((await get(`${at}/vendor-data`)).text).toMatch(/^#cloud-config/);
});

test("a window for any machine takes no more boots than it says", async () => {
  await open("--any", "--boots", "1", "--ttl", "5m");
  expect(await script("52:54:00:00:09:01")).toContain("boma.token");
  expect(await script("52:54:00:00:09:02")).not.toContain("boma.token");
});

test("what cannot be opened is refused with what to do instead", async () => {
  const refused = async (...words: readonly string[]) => {
    const { code, stderr } = await fleet.run("netboot", "open", ...words);
    expect(code).toBe(2);
    return stderr;
  };
  expect(await refused("--any", "--ttl", "30d")).toMatch(/open for a day at most/);
  expect(await refused("--uuid", "ffffffff-ffff-ffff-ffff-ffffffffffff")).toMatch(/no machine's own/);
  expect(await refused("--mac", "52:54:00:00:02:01")).toMatch(/is open for .* already/);
  expect(await refused()).toMatch(/name one machine, or any/);
});

test("strangers get nothing but what is served, however they ask", async () => {
  for (const path of [
    "/script",
    "/script?mac=%0a&arch=x86_64",
    "/script?mac=52:54:00:00:02:01&arch=mips",
    `/script?mac=${"5".repeat(900)}&arch=arm64`,
    `/${"a".repeat(2000)}`,
  ])
    expect((await get(path)).status, path).toBe(400);
  for (const path of [
    "/../operator.json",
    "/image/..%2f..%2fjoin",
    "/image/small/52:54:00:00:02:01/manifest",
    "/",
  ])
    expect((await get(path)).status, path).toBe(404);
  expect((await fetch(`${http}/boot.ipxe`, { method: "POST" })).status).toBe(405);
  const part = await fetch(`${http}/image/small/52:54:00:00:02:01/kernel`, {
    headers: { range: "bytes=4-6" },
  });
  expect([part.status, await part.text()]).toEqual([206, "ker"]);
});

test("whoever holds the boot service's credential can open no window, see no node, and say nothing of later stages", async () => {
  for (const words of [["nodes"], ["netboot", "open", "--any"], ["token", "create"], ["netboot", "status"]]) {
    const { code, stderr } = await fleet.run(...words, "--operator", boot());
    expect({ words, code }).toEqual({ words, code: 1 });
    expect(stderr).toMatch(/operator\/denied/);
  }
});
