/**
 * Goal: Pixiecore boots a machine inside its window and no other, with one token for one boot however often it asks.
 * Method: a real master, the real boot service, and a client that asks as Pixiecore's API is documented; Pixiecore itself
 * is not run here.
 */
import { join } from "node:path";

import { afterAll, beforeAll, expect, test } from "vitest";

import type { NodeView } from "../../packages/master/src/api/verbs/nodes.ts";
import { Fleet } from "../support/fleet.ts";
import { putImage } from "../support/netboot/small-image.ts";
import type { TestProcess } from "../support/process.ts";

let fleet: Fleet;
let service: TestProcess;
let http = "";
beforeAll(async () => {
  fleet = await Fleet.start();
  putImage(fleet.home);
  const operator = join(fleet.dir, "boot.json");
  await fleet.ok("operator", "add", "boot", "--netboot", "--out", operator);
  const words = ["--http-port", "0", "--no-tftp", "--operator", operator, "--append", "quiet"];
  service = fleet.spawn("netboot", "serve", ...words, "--json");
  const { httpPort } = JSON.parse(await service.line(/"ready":true/)) as { httpPort: number };
  http = `http://127.0.0.1:${httpPort}`;
});
const ask = (mac: string) => fetch(`${http}/pixiecore/v1/boot/${mac}`);
afterAll(async () => {
  await service?.[Symbol.asyncDispose]();
  await fleet?.[Symbol.asyncDispose]();
});

/** What Pixiecore takes of an answer that is 200. */
interface Spec {
  readonly kernel: string;
  readonly initrd: readonly string[];
  readonly cmdline: string;
  readonly message: string;
}

async function spec(mac: string): Promise<Spec> {
  const answer = await ask(mac);
  expect(answer.status).toBe(200);
  return (await answer.json()) as Spec;
}
const tokenIn = ({ cmdline }: Spec): string => /(?:^| )boma\.token=(\S+)/.exec(cmdline)![1]!;
const body = async (url: string) => (await fetch(url)).text();

test("a machine without a window is not for Pixiecore, and whoever asks by hand sees why", async () => {
  const answer = await ask("52:54:00:00:70:01");
  expect(answer.status).toBe(404);
  expect(await answer.text()).toBe("no boot window is open for this machine\n");
  expect((await ask("52:54:00:00:70")).status).toBe(404);
});

test("asked several times and at once in one boot it gives the same answer; the next boot has a token of its own, and one from which nobody joined counts for none", async () => {
  const mac = "52:54:00:00:70:02";
  await fleet.ok("netboot", "open", "--mac", mac, "--id", "pixie-2", "--boots", "1");
  const [first, again] = await Promise.all([spec(mac), spec(mac)]);
  expect(again).toEqual(first);
  expect(await spec(mac)).toEqual(first);
  expect(first.cmdline).toMatch(/(^| )quiet .*boma\.id=pixie-2 .*BOOTIF=01-52-54-00-00-70-02$/);
  // It is rendered as a template.
  expect(first.cmdline).not.toContain("{{");
  expect(await body(first.kernel)).toBe("the kernel");
  expect(await spec(mac)).toEqual(first);
  expect(first.initrd).toHaveLength(1);
  expect(await body(first.initrd[0]!)).toBe("the root");
  expect(tokenIn(await spec(mac))).not.toBe(tokenIn(first));
});

test("the token that Pixiecore puts on the kernel's command line lets that machine in, as its window says", async () => {
  const mac = "52:54:00:00:70:03";
  await fleet.ok("netboot", "open", "--mac", mac, "--id", "pixie-3", "--env", "dev", "--boots", "1");
  const booted = await spec(mac);
  await body(booted.initrd[0]!);
  await fleet.agent("pixie-3", {
    token: tokenIn(booted),
    args: ["--join", join(fleet.home, "join")],
    files: { "sys/class/net/eth0/address": `${mac}\n`, "sys/class/net/eth0/type": "1\n" },
  });
  expect((await ask(mac)).status).toBe(404);
  const { value } = await fleet.json<NodeView[]>("nodes");
  expect(value.find(({ id }) => id === "pixie-3")).toMatchObject({
    assurance: "boot-token",
    assigned: { env: "dev" },
  });
});
