// Goal: the managed dnsmasq serves the boot LAN, says who asks, and never begins beside another server.
// Method: two hosts on a LAN of their own, in network namespaces; on each the boot service's DHCP with the real dnsmasq.
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { afterAll, beforeAll, expect, test } from "vitest";

import { mustRun } from "../support/hosts/program.ts";
import { TestProcess } from "../support/process.ts";

const SCRIPT = new URL("../support/netboot/dhcp-process.ts", import.meta.url).pathname;
const HOSTS = { a: `bomad-a-${process.pid}`, b: `bomad-b-${process.pid}` } as const;
type Host = keyof typeof HOSTS;
const ip = (...words: readonly string[]) => mustRun(["ip", ...words]);

const serve = (host: Host, range: string) =>
  new TestProcess("ip", [
    "netns",
    "exec",
    HOSTS[host],
    process.execPath,
    SCRIPT,
    "lan0",
    range,
    join(dir, host),
  ]);

let dir = "";
beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), "boma-dhcp-"));
  for (const name of Object.values(HOSTS)) await ip("netns", "add", name);
  await ip("link", "add", "lan0", "netns", HOSTS.a, "type", "veth", "peer", "name", "lan0", "netns", HOSTS.b);
  for (const [at, name] of Object.values(HOSTS).entries()) {
    await ip("-n", name, "link", "set", "lo", "up");
    await ip("-n", name, "address", "add", `10.77.0.${at + 1}/24`, "dev", "lan0");
    await ip("-n", name, "link", "set", "lan0", "up");
  }
});
afterAll(async () => {
  for (const name of Object.values(HOSTS)) await ip("netns", "delete", name);
  rmSync(dir, { recursive: true, force: true });
});

test("one server gives out addresses; a second one does not begin beside it, says whose LAN it is, and is taken for no machine by its question", async () => {
  await using first = serve("a", "10.77.0.100,10.77.0.150");
  expect(await first.line(/^(serving|refused|complains)/)).toBe("serving");
  await using second = serve("b", "10.77.0.160,10.77.0.190");
  expect(await second.line(/^rogue/)).toMatch(/^rogue 10\.77\.0\.1 10\.77\.0\.1([0-4]\d|50)$/);
  const { code, stdout } = await second.ended;
  expect(code).toBe(1);
  expect(stdout).toMatch(/refused the DHCP server 10\.77\.0\.1 is on the boot LAN/);
  const ended = await first.stop();
  expect(ended.stdout).not.toMatch(/discover/);
  expect(ended.stdout).toMatch(/ended\n$/);
  expect(ended.stdout).not.toMatch(/complains/);
});

test("a server that somebody ended is told of, for then no machine boots", async () => {
  await using server = serve("a", "10.77.0.100,10.77.0.150");
  expect(await server.line(/^(serving|refused)/)).toBe("serving");
  const pid = server.pid!;
  const [dnsmasq] = readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").trim().split(" ");
  process.kill(Number(dnsmasq), "SIGKILL");
  expect(await server.line(/^lost/)).toMatch(/^lost it ended with SIGKILL/);
});
