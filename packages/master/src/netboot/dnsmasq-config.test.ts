import { expect, test } from "vitest";

import { type DhcpOptions, dnsmasqConfig } from "./dnsmasq-config.ts";

const FULL: DhcpOptions = {
  mode: "full",
  interface: "br0",
  address: "10.77.0.1",
  netmask: "255.255.255.0",
  httpPort: 8080,
  range: ["10.77.0.100", "10.77.0.150"],
  leaseFile: "/run/leases",
};
const PROXY: DhcpOptions = { ...FULL, mode: "proxy", range: undefined };
const lines = (options: DhcpOptions) => dnsmasqConfig(options).split("\n");

test("in full it gives out the range on this interface alone, answers no names, and sends iPXE to the script", () => {
  expect(lines(FULL)).toEqual(
    expect.arrayContaining([
      "port=0",
      "interface=br0",
      "dhcp-range=10.77.0.100,10.77.0.150,255.255.255.0,10m",
      "dhcp-boot=tag:ipxe,http://10.77.0.1:8080/boot.ipxe",
      "dhcp-boot=tag:!ipxe,tag:bios,undionly.kpxe,,10.77.0.1",
      "dhcp-boot=tag:!ipxe,tag:armhttp,http://10.77.0.1:8080/ipxe-arm64.efi",
    ]),
  );
});

test("without a router no machine is told that we are one", () => {
  expect(lines(FULL)).toContain("dhcp-option=option:router");
  expect(lines({ ...FULL, router: "10.77.0.254" })).toContain("dhcp-option=option:router,10.77.0.254");
});

test("as a proxy it gives out no address at all", () => {
  expect(lines(PROXY)).toContain("dhcp-range=10.77.0.1,proxy,255.255.255.0");
  expect(lines(PROXY).filter((line) => line.startsWith("dhcp-range"))).toHaveLength(1);
  expect(lines(PROXY)).not.toContain("dhcp-authoritative");
});

test("what does not fit is refused before anything is written", () => {
  const refused = (more: Partial<DhcpOptions>, why: RegExp) =>
    expect(() => dnsmasqConfig({ ...FULL, ...more })).toThrow(why);
  refused({ range: undefined }, /--range FIRST,LAST/);
  refused({ range: ["10.77.0.150", "10.77.0.100"] }, /ends before it begins/);
  refused({ range: ["10.78.0.100", "10.78.0.150"] }, /not in the network of 10\.77\.0\.1/);
  refused({ range: ["10.77.0.1", "10.77.0.150"] }, /the boot service's own/);
  refused({ router: "gate.example" }, /no IPv4 address/);
  refused({ interface: "br0\ndhcp-script=/bin/sh" }, /no name of an interface/);
});
