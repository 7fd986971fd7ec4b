// Goal: a machine's first boot needs no hands, waits visibly where it needs one, and nobody on the boot LAN or among the nodes gets anything by pretending.
// Method: a real master, the real boot service, and agents that are told what a kernel's command line would say.
import { cpSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { afterAll, beforeAll, describe, expect, test } from "vitest";

import type { NodeView } from "../../packages/master/src/api/verbs/nodes.ts";
import { Client } from "../../packages/master/src/client/client.ts";
import { homeAt } from "../../packages/master/src/home.ts";
import { readOperatorFile } from "../../packages/master/src/operator-file.ts";
import { BootService } from "../support/netboot/boot-service.ts";
import { putImage } from "../support/netboot/small-image.ts";

let boot: BootService;
beforeAll(async () => {
  boot = await BootService.start();
});
afterAll(() => boot?.[Symbol.asyncDispose]());

interface Status {
  readonly windows: readonly { readonly boots?: number }[];
  readonly machines: readonly {
    readonly mac: string;
    readonly node?: string;
    readonly stage?: string;
    readonly why?: string;
  }[];
}
const status = async () => (await boot.fleet.json<Status>("netboot", "status")).value;
const machine = async (mac: string) => (await status()).machines.find((one) => one.mac === mac);
const node = async (wanted: string) =>
  (await boot.fleet.json<NodeView[]>("nodes")).value.find(({ id }) => id === wanted);

test("an agent takes its token from the kernel's command line, and is a node without anybody's hand", async () => {
  const mac = "52:54:00:00:21:01";
  await boot.open(mac, "--env", "dev", "--id", "first-1");
  const words = await boot.kernelWords(mac);
  expect(words).toMatch(/ BOOTIF=01-52-54-00-00-21-01$/);
  const agent = await boot.booted("first-1", mac, words);
  await boot.stage(mac, "approved");
  expect(await node("first-1")).toMatchObject({ assurance: "boot-token", assigned: { env: "dev" } });
  expect(agent.lines.join("\n")).not.toContain(/boma\.token=(\S+)/.exec(words)![1]);
});

test("where no policy lets it in, it says on its console who it is, in words too; by these an operator lets it in", async () => {
  const mac = "52:54:00:00:22:01";
  const waitFor = /waiting for approval/;
  const agent = await boot.booted("waits-1", mac, "panic=30 boma.env=prod", { waitFor });
  const [, print, words] =
    /fingerprint {2}((?:\w{4}-){3}\w{4}) {2}((?:[a-z]{5} ){4}[a-z]{5}) {2}waiting/.exec(
      agent.lines.join("\n"),
    )!;
  const { value } = await boot.fleet.json<{ waiting: object[] }>("enroll", "list");
  expect(value.waiting).toContainEqual(expect.objectContaining({ id: "waits-1", fingerprint: print, words }));
  expect(await boot.fleet.ok("enroll", "list")).toContain(words!);
  const others = words!.replace(/^[a-z]{5}/, (word) => (word === "babab" ? "babad" : "babab"));
  expect((await boot.fleet.run("enroll", "approve", "waits-1", "--fingerprint", others)).code).toBe(2);
  await boot.fleet.ok("enroll", "approve", "waits-1", "--fingerprint", words!.toUpperCase());
  await agent.line(/"msg":"connected"/);
  expect(await node("waits-1")).toMatchObject({ assurance: "fingerprint" });
});

test("a machine that finds no master asks on, and is let in by the same token when the master is there", async () => {
  const mac = "52:54:00:00:23:01";
  await boot.open(mac, "--id", "late-1");
  const words = await boot.kernelWords(mac);
  await boot.fleet.master.stop();
  const agent = await boot.booted("late-1", mac, words, { waitFor: /cannot be asked to let this node in/ });
  expect((await boot.get(`/script?mac=${mac}&arch=x86_64`)).text).toMatch(/the master does not answer/);
  await boot.fleet.serve();
  await agent.line(/"msg":"connected"/);
  expect(await node("late-1")).toMatchObject({ assurance: "boot-token", connected: true });
});

test("a script that is asked for a thousand times is one boot and one token, the others' machines are served, and the last token holds", async () => {
  const mac = "52:54:00:00:24:01";
  await boot.open(mac, "--id", "eager-1", "--boots", "1");
  const statuses = new Map<number, number>();
  let last = "";
  for (let at = 0; at < 1000; at++) {
    const { status: code, text } = await boot.get(`/script?mac=${mac}&arch=x86_64`, "127.0.0.2");
    statuses.set(code, (statuses.get(code) ?? 0) + 1);
    if (code === 200) last = text;
  }
  expect(new Set(statuses.keys())).toEqual(new Set([200, 429]));
  expect(statuses.get(200)).toBeLessThan(500);
  expect(await boot.script("52:54:00:00:24:02")).toMatch(/no boot window is open/);
  const { value } = await boot.fleet.json<{ mac?: string }[]>("token", "list");
  expect(value.filter((token) => token.mac === mac)).toHaveLength(1);
  await boot.booted("eager-1", mac, /^kernel \S+ (.*) \|\| goto again$/m.exec(last)![1]!);
});

test("a token that somebody read from another machine's script lets nobody else in", async () => {
  const mac = "52:54:00:00:25:01";
  await boot.open(mac, "--id", "robbed-1");
  const words = await boot.kernelWords(mac);
  const waitFor = /the token was refused/;
  await boot.booted("robber-1", "52:54:00:00:25:99", words, { waitFor });
  // It was refused, and not spent.
  await boot.booted("robbed-1", mac, words);
});

describe("a false stage", () => {
  const mac = "52:54:00:00:26:01";
  beforeAll(async () => {
    await boot.open(mac, "--id", "victim-1");
    await boot.kernelWords(mac);
  });

  test("is not the boot service's to tell: what the master sees by itself it lets nobody say", async () => {
    await using client = await Client.connect(readOperatorFile(homeAt(boot.fleet.home), boot.operator));
    for (const stage of ["asked", "approved", "converged", "script"])
      await expect(client.ask("netboot.tell", { saw: { kind: "stage", mac, stage } })).rejects.toThrow(
        /stage/,
      );
    await client.ask("netboot.tell", { saw: { kind: "stage", mac, stage: "kernel" } });
    expect(await machine(mac)).toMatchObject({ stage: "kernel" });
  });

  test("is not reached by a stranger who asks under the machine's name", async () => {
    await boot.booted("victim-1", "52:54:00:00:26:99", "", { waitFor: /waiting for approval/ });
    await boot.fleet.event("node.asked", ({ id }) => id === "victim-1");
    expect(await machine(mac)).toMatchObject({ stage: "kernel" });
    await boot.fleet.agents.get("victim-1")!.stop();
  });

  test("is not reached by a node that claims the machine's address and came by another token", async () => {
    const { joinToken } = await boot.fleet.token();
    await boot.booted("claimer-1", mac, "", { noToken: false, token: joinToken, args: [] });
    await boot.fleet.event("node.enrolled", ({ id }) => id === "claimer-1");
    expect(await machine(mac)).toMatchObject({ stage: "kernel" });
    expect((await machine(mac))!.node).not.toBe("claimer-1");
  });
});

describe("while an image is served", () => {
  const mac = "52:54:00:00:27:01";
  const told = (image: string, why: RegExp) =>
    boot.fleet.event(
      "netboot.image-refused",
      ({ data }) => data["image"] === image && why.test(String(data["why"])),
    );
  beforeAll(() => boot.open(mac, "--image", "served"));

  test("a kernel, a root or a manifest that changes on the disk is served to nobody, and put right is served again", async () => {
    const dir = putImage(boot.fleet.home, { name: "served" });
    expect(await boot.script(mac)).toMatch(/boots served/);
    for (const file of ["kernel", "initrd", "manifest"]) {
      const path = join(dir, file);
      const good = readFileSync(path);
      const bad = Buffer.from(good);
      bad[bad.length - 1]! ^= 1;
      writeFileSync(path, bad);
      expect(await boot.script(mac), file).toMatch(/there is no image served/);
      expect((await boot.get(`/image/served/${mac}/kernel`)).status, file).toBe(404);
      writeFileSync(path, good);
      expect(await boot.script(mac), file).toMatch(/boots served/);
    }
    await told("served", /kernel of the image served is not the one that was signed/);
    await told("served", /initrd of the image served is not the one that was signed/);
  });

  test("a manifest of an earlier build beside later files is refused, and so is an image under another's name", async () => {
    const before = putImage(boot.fleet.home, { name: "served", kernel: "an old kernel" });
    const old = readFileSync(join(before, "manifest"));
    const dir = putImage(boot.fleet.home, { name: "served", kernel: "a new kernel" });
    expect(await boot.script(mac)).toMatch(/boots served/);
    writeFileSync(join(dir, "manifest"), old);
    expect(await boot.script(mac)).toMatch(/there is no image served/);
    putImage(boot.fleet.home, { name: "served" });
    cpSync(dir, join(boot.fleet.home, "images/borrowed"), { recursive: true });
    expect(await boot.script(mac)).toMatch(/boots served/);
    await told("borrowed", /borrowed/);
  });
});
