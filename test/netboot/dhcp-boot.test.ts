// Goal: machines find their loader through the managed dnsmasq, whatever their firmware is and whoever gives out the addresses, and the first stages are told.
// Method: an image that boots nothing, the boot service with the real dnsmasq on a LAN of its own, and machines that are switched on there.
import { writeFileSync } from "node:fs";
import { join } from "node:path";

import { afterEach, expect, test } from "vitest";

import { BootLan } from "../support/netboot/boot-lan.ts";
import { putImage } from "../support/netboot/small-image.ts";
import { TestProcess } from "../support/process.ts";

let open: AsyncDisposableStack;
afterEach(() => open.disposeAsync());

async function lanOf(mode: "full" | "proxy"): Promise<BootLan> {
  open = new AsyncDisposableStack();
  const lan = open.use(await BootLan.onOwn());
  putImage(lan.fleet.home);
  await lan.serveDhcp(mode);
  return lan;
}

interface Status {
  readonly machines: readonly { readonly mac: string; readonly stages: Readonly<Record<string, number>> }[];
}
async function stagesOf({ fleet }: BootLan, mac: string): Promise<readonly string[]> {
  const { machines } = (await fleet.json<Status>("netboot", "status")).value;
  return Object.keys(machines.find((machine) => machine.mac === mac)?.stages ?? {});
}

/** The site's own DHCP server, which knows nothing of us. */
async function siteServer(lan: BootLan): Promise<void> {
  const [command, ...via] = await lan.own!.host("10.77.0.2");
  const file = join(lan.fleet.dir, "site-dnsmasq.conf");
  const lines = ["port=0", "interface=lan0", "bind-interfaces", "no-resolv", "no-ping", "dhcp-authoritative"];
  const range = "dhcp-range=10.77.0.210,10.77.0.220,255.255.255.0,10m";
  const leases = `dhcp-leasefile=${join(lan.fleet.dir, "site-leases")}`;
  writeFileSync(file, [...lines, range, leases, ""].join("\n"));
  const words = ["dnsmasq", "--keep-in-foreground", "--log-facility=-", `--conf-file=${file}`];
  const server = open.use(new TestProcess(command!, [...via, ...words]));
  await server.line(/DHCP, IP range/);
}

test("UEFI's own loader is given an address, iPXE over TFTP, and its script and its kernel over HTTP", async () => {
  const mac = "52:54:00:b0:0a:01";
  const lan = await lanOf("full");
  await lan.fleet.ok("netboot", "open", "--mac", mac);
  open.use(await lan.machine({ arch: "amd64", mac, firmware: "/usr/share/ovmf/OVMF.fd" }));
  await lan.stage(mac, "kernel");
  expect(await stagesOf(lan, mac)).toEqual(expect.arrayContaining(["dhcp", "script", "kernel"]));
});

test("beside a site's own DHCP server, which gives the address, a proxy names the script, and the machine boots", async () => {
  const mac = "52:54:00:b0:0a:02";
  const lan = await lanOf("proxy");
  await siteServer(lan);
  await lan.fleet.ok("netboot", "open", "--mac", mac);
  // iPXE gives a proxy two seconds to speak up, which a slow emulator may sleep through.
  open.use(await lan.machine({ arch: "amd64", mac, keepsTrying: true }));
  const { data } = await lan.stage(mac, "kernel");
  expect(data["address"]).toMatch(/^10\.77\.0\.2[12]\d$/);
  expect(await stagesOf(lan, mac)).toEqual(expect.arrayContaining(["dhcp", "script", "kernel"]));
});
