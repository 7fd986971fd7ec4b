/**
 * Goal: a local network has its addresses, names and boot files from what is declared, and a
 * second server of addresses is noticed before it does harm.
 * Method: a real dnsmasq behind a firewall with default deny, a machine whose systemd-networkd asks
 * it for an address, and another dnsmasq that somebody has plugged in.
 */
import { createHash } from "node:crypto";

import { afterAll, beforeAll, expect, test } from "vitest";

import { type Host, startHost } from "../support/host.ts";
import { NETWORK } from "../support/hosts/layer.ts";

const BOOT = "the bytes of a boot loader\n".repeat(500);

const LAN = `
  const config = dnsmasq.config("lan", {
    interfaces: ["lan0"],
    dhcp: {
      ranges: [{ first: "192.168.100.100", last: "192.168.100.200" }],
      router: "192.168.100.1",
      dns: ["192.168.100.1"],
      authoritative: true,
    },
    dns: { domain: "lan.example", records: [{ name: "depot.lan.example", ip: "192.168.100.9" }] },
    tftp: { root: "/srv/tftp", secure: false },
    pxe: { byArch: { "efi-arm64": "boot/loader.efi" } },
  });
  return [
    network.interfaces("node", { interfaces: { lan0: { addresses: ["192.168.100.1/24"] } } }),
    config,
    firewall.filter("node", { control: { sshFrom: [] }, zones: { lan: { interfaces: ["lan0"] } } }),
  ];`;
const treeOf = (body: string): string =>
  `import { dnsmasq, firewall, network, tree } from "@boma/states";\nexport default tree(() => {${body}});\n`;

let server: Host;
let client: Host;
let rogue: Host;
beforeAll(async () => {
  server = await startHost({ layer: NETWORK, networkd: true, cables: { lan0: "lan" } });
  client = await startHost({ networkd: true, cables: { lan0: "lan" } });
  rogue = await startHost({ layer: NETWORK, cables: { lan0: "lan" } });
});
afterAll(async () => {
  for (const host of [rogue, client, server]) await host?.[Symbol.asyncDispose]();
});

const errorsOf = (report: Awaited<ReturnType<Host["apply"]>>): readonly unknown[] =>
  report.results.flatMap(({ error }) => error ?? []);
const addresses = (): Promise<string> => client.must(["ip", "-br", "-4", "address", "show", "dev", "lan0"]);

test("a dnsmasq is made so behind a firewall that opens what it needs, and the second time nothing changes", async () => {
  await server.write("/srv/tftp/boot/loader.efi", BOOT);
  await server.write("/root/lan.ts", treeOf(LAN));
  const first = await server.apply("/root/lan.ts", [], { timeoutMs: 100_000 });
  expect(errorsOf(first)).toEqual([]);
  expect(first.summary).toMatchObject({ changed: 3 });
  expect((await server.apply("/root/lan.ts", [], { timeoutMs: 100_000 })).summary).toMatchObject({ ok: 3 });
  expect(await server.must(["nft", "list", "ruleset"])).toContain("dnsmasq.config(lan)");
});

test("a machine gets an address in the range, the gateway and the server of names", async () => {
  await client.write(
    "/root/net.ts",
    treeOf(`return [network.interfaces("node", { interfaces: { lan0: { dhcp4: true } } })];`),
  );
  expect(errorsOf(await client.apply("/root/net.ts", [], { timeoutMs: 100_000 }))).toEqual([]);
  expect(await addresses()).toMatch(/ 192\.168\.100\.(1\d\d|200)\/24/);
  expect(await client.must(["ip", "route", "show", "default", "dev", "lan0"])).toContain(
    "via 192.168.100.1 ",
  );
  expect(await client.must(["sh", "-c", "cat /run/systemd/netif/leases/*"])).toContain("DNS=192.168.100.1\n");
});

test("it resolves a name there, and does not get what is nobody's", async () => {
  await client.write("/etc/resolv.conf", "nameserver 192.168.100.1\n");
  expect(await client.must(["getent", "ahostsv4", "depot.lan.example"])).toContain("192.168.100.9");
  expect((await client.run(["getent", "ahostsv4", "nobody.lan.example"])).exitCode).not.toBe(0);
});

test("it fetches a boot file, byte for byte", async () => {
  const said = await client.must([
    "sh",
    "-ec",
    "curl --silent --show-error --max-time 20 --output /root/loader tftp://192.168.100.1/boot/loader.efi; sha256sum /root/loader",
  ]);
  expect(said.split(" ")[0]).toBe(createHash("sha256").update(BOOT).digest("hex"));
});

test("a host that is written down is known after a signal, without a restart", async () => {
  const pid = () => server.must(["systemctl", "show", "--property=MainPID", "dnsmasq"]);
  const before = await pid();
  const more = LAN.replace("records: [", 'records: [{ name: "press.lan.example", ip: "192.168.100.8" }, ');
  await server.write("/root/lan.ts", treeOf(more));
  expect((await server.apply("/root/lan.ts", [], { timeoutMs: 100_000 })).summary).toMatchObject({
    changed: 1,
  });
  expect(await pid()).toBe(before);
  await expect
    .poll(() => client.run(["getent", "ahostsv4", "press.lan.example"]).then(({ stdout }) => stdout), {
      timeout: 20_000,
    })
    .toContain("192.168.100.8");
});

test("options that dnsmasq does not take are refused, and it goes on with those that it has", async () => {
  const wrong = { interfaces: ["lan0"], dhcp: { options: [{ option: "no-such-option", value: ["1"] }] } };
  const { error } = await server.converge("dnsmasq.config", "other", wrong);
  expect(error).toMatchObject({ code: "state/refused" });
  expect(error?.message).toContain("boma-other.conf");
  expect(await server.exists("/etc/dnsmasq.d/boma-other.conf")).toBe(false);
  expect(await server.must(["systemctl", "is-active", "dnsmasq"])).toBe("active\n");
});

test("a second server of addresses is noticed: no range where one answers, nor where the default route is", async () => {
  await rogue.must(["sh", "-ec", "ip address add 192.168.100.2/24 dev lan0; ip link set lan0 up"]);
  const range = { ranges: [{ first: "192.168.100.210", last: "192.168.100.220" }] };
  const second = await rogue.converge("dnsmasq.config", "second", { interfaces: ["lan0"], dhcp: range });
  expect(second.error).toMatchObject({ code: "state/blocked" });
  expect(second.error?.message).toContain("192.168.100.1 gives out addresses on lan0 already");
  expect(await rogue.exists("/etc/dnsmasq.d/boma-second.conf")).toBe(false);
  const uplink = { ranges: [{ first: "10.66.0.210", last: "10.66.0.220" }] };
  const first = await rogue.converge("dnsmasq.config", "uplink", { interfaces: ["eth0"], dhcp: uplink });
  expect(first.error?.message).toContain("eth0 has the default route");
  const allowed = { interfaces: ["lan0"], dhcp: range, allow: true };
  await rogue.convergesTwice("dnsmasq.config", "second", allowed);
});
