/** Goal: what is declared comes to the options that dnsmasq reads, and no text of a declaration becomes another option. */
import { describe, expect, test } from "vitest";

import { checkParams } from "../../check-params.ts";
import { readHost, writeHost } from "../../host/host.ts";
import type { Given } from "../../testing/given.ts";
import { memoryHost } from "../../testing/memory-host.ts";
import { ROUTED } from "../network/example-network.ts";
import config from "./config.ts";
import { confText, leasesText, namesText } from "./files.ts";
import type { Want } from "./parameters.ts";

const { spec } = config;
const LAN = "enx00e04c1b3a80";
const want = (params: object): Want =>
  checkParams(spec, { name: "lan", interfaces: [LAN], ...params }) as unknown as Want;
const RANGE = { ranges: [{ first: "192.168.100.100", last: "192.168.100.200" }] };
const GIVEN: Given = {
  commands: { ...ROUTED, dnsmasq: {} },
  services: { dnsmasq: { active: true, enabled: true, canReload: true } },
  files: { "/etc": { directory: true }, "/etc/dnsmasq.d": { directory: true } },
};

test("addresses, names and boot files become options", () => {
  const all = want({
    dhcp: {
      ...RANGE,
      router: "192.168.100.1",
      hosts: [{ mac: "DC:A6:32:00:00:01", ip: "192.168.100.20", name: "pi" }],
    },
    dns: {
      upstreams: ["9.9.9.9"],
      domain: "lan.example",
      records: [{ name: "a.lan.example", ip: "fd00::1" }],
    },
    tftp: { root: "/srv/tftp" },
    pxe: { byArch: { "efi-x64": "grubx64.efi" } },
  });
  const lines = confText(all).split("\n");
  expect(lines).toEqual(
    expect.arrayContaining([
      "bind-dynamic",
      "except-interface=lo",
      `interface=${LAN}`,
      "port=53",
      "dhcp-range=192.168.100.100,192.168.100.200,12h",
      "dhcp-option=option:router,192.168.100.1",
      "no-resolv",
      "server=9.9.9.9",
      "domain=lan.example",
      "local=/lan.example/",
      "enable-tftp",
      "tftp-root=/srv/tftp",
      "tftp-secure",
      "dhcp-match=set:efi-x64,option:client-arch,7",
      "dhcp-boot=tag:efi-x64,grubx64.efi",
    ]),
  );
  expect(leasesText(all)).toContain("\ndc:a6:32:00:00:01,192.168.100.20,pi\n");
  expect(namesText(all)).toContain("\nfd00::1 a.lan.example\n");
});

test("it needs the ports of what it does, from the local network only", () => {
  const ports = (params: object) =>
    spec.needs!(want(params) as never).map(({ proto, port, exposure }) => `${proto} ${port} ${exposure}`);
  expect(ports({})).toEqual(["udp 53 lan", "tcp 53 lan"]);
  expect(ports({ dns: { port: 0 }, dhcp: RANGE, tftp: { root: "/srv/tftp" } })).toEqual([
    "udp 67 lan",
    "udp 69 lan",
  ]);
});

test.each([
  ["a line in a value", { dhcp: { options: [{ option: 42, value: ["1\ndhcp-script=/tmp/x"] }] } }],
  ["a comma in a file's name", { dhcp: RANGE, tftp: { root: "/srv" }, pxe: { byArch: { bios: "a,b" } } }],
  ["an option that is more than a name", { dhcp: { options: [{ option: "router,1", value: ["1"] }] } }],
  ["an interface with a line", { interfaces: ["eth0\nuser=root"] }],
  ["a record with a blank", { dns: { records: [{ name: "a b", ip: "10.0.0.1" }] } }],
  ["boot files without anybody who has them", { dhcp: RANGE, pxe: { byArch: { bios: "a" } } }],
  ["boot files without addresses", { tftp: { root: "/srv" }, pxe: { byArch: { bios: "a" } } }],
  [
    "a range on an interface that it does not serve",
    { dhcp: { ranges: [{ ...RANGE.ranges[0], interface: "eth9" }] } },
  ],
])("%s is refused where the site is compiled", (_, params) => {
  expect(() => want(params)).toThrow();
});

describe("a second server of addresses", () => {
  const applied = async (given: Given, params: object): Promise<unknown> => {
    const { ports } = memoryHost(given);
    const declared = want(params);
    const changes = await spec.check(declared as never, readHost(ports));
    return spec.apply(changes as never, declared as never, writeHost(ports));
  };

  test("is not begun where one answers, unless it is meant", async () => {
    const given = { ...GIVEN, dhcpServers: ["192.168.100.77"] };
    await expect(applied(given, { dhcp: RANGE })).rejects.toMatchObject({ code: "state/blocked" });
    await expect(applied(given, { dhcp: RANGE, allow: true })).resolves.toBeUndefined();
    await expect(applied(given, { dns: { port: 53 } })).resolves.toBeUndefined();
  });

  test("is not begun where the default route is", async () => {
    await expect(applied(GIVEN, { interfaces: ["eno1"], dhcp: RANGE })).rejects.toMatchObject({
      code: "state/blocked",
    });
  });

  test("that answers is this one itself, which is none", async () => {
    await expect(
      applied({ ...GIVEN, dhcpServers: ["192.168.100.1"] }, { dhcp: RANGE }),
    ).resolves.toBeUndefined();
  });
});
