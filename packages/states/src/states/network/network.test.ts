/**
 * Goal: what is declared comes to the files that systemd-networkd and netplan read, what cannot be meant is refused
 * before anything is sent, and what takes a change back says all that was there.
 */
import { describe, expect, test } from "vitest";

import { checkParams } from "../../check-params.ts";
import { readHost, writeHost } from "../../host/host.ts";
import type { Given } from "../../testing/given.ts";
import { memoryHost } from "../../testing/memory-host.ts";
import { ROUTED } from "./example-network.ts";
import interfaces from "./interfaces.ts";
import { isWithin, networkTextOf, plainAddress } from "./ip-networks.ts";
import { netplanText } from "./netplan-file.ts";
import { networkdFiles } from "./networkd-files.ts";
import type { Want } from "./parameters.ts";
import { settled } from "./settled.ts";

const { spec } = interfaces;
const want = (params: object): Want => checkParams(spec, { name: "node", ...params }) as unknown as Want;
const of = (own: object, more: object = {}): Want => want({ interfaces: { eth0: own }, ...more });

describe("the files of systemd-networkd", () => {
  const fileOf = (declared: Want, name: string): string =>
    networkdFiles(declared).get(`/etc/systemd/network/10-boma-${name}`) ?? "";
  const lines = (declared: Want, name: string): readonly string[] =>
    fileOf(declared, name)
      .split("\n")
      .filter((line) => line !== "" && !line.startsWith("#"));

  test("of a fixed address", () => {
    const fixed = of({ addresses: ["10.0.0.2/24"], gateway: "10.0.0.1", dns: ["9.9.9.9"], mtu: 1400 });
    expect(lines(fixed, "eth0.network")).toEqual([
      "[Match]",
      "Name=eth0",
      "[Link]",
      "MTUBytes=1400",
      "[Network]",
      "DHCP=no",
      "IPv6AcceptRA=no",
      "Address=10.0.0.2/24",
      "DNS=9.9.9.9",
      "[Route]",
      "Gateway=10.0.0.1",
    ]);
  });

  test("of a card that is known by its MAC: by the one that it was made with, and named at the next boot", () => {
    const card = want({ interfaces: { lan: { match: { mac: "00:E0:4C:1B:3A:80" }, dhcp4: true } } });
    expect(lines(card, "lan.network")).toContain("PermanentMACAddress=00:e0:4c:1b:3a:80");
    expect(lines(card, "lan.link")).toEqual([
      "[Match]",
      "PermanentMACAddress=00:e0:4c:1b:3a:80",
      "[Link]",
      "Name=lan",
    ]);
  });

  test("of a bridge, a bond and a VLAN, each with what is plugged into it", () => {
    const all = want({
      interfaces: {
        a: {},
        b: {},
        c: {},
        br: { bridge: { ports: ["a"] }, addresses: ["10.1.0.1/24"] },
        bo: { bond: { ports: ["b", "c"] } },
        v5: { vlan: { id: 5, link: "bo" }, addresses: ["10.5.0.1/24"] },
      },
    });
    expect(lines(all, "a.network")).toContain("Bridge=br");
    expect(lines(all, "b.network")).toEqual(expect.arrayContaining(["Bond=bo", "LinkLocalAddressing=no"]));
    expect(lines(all, "bo.network")).toContain("VLAN=v5");
    expect(lines(all, "v5.netdev")).toEqual(["[NetDev]", "Name=v5", "Kind=vlan", "[VLAN]", "Id=5"]);
    expect(lines(all, "br.netdev")).toEqual(expect.arrayContaining(["STP=no", "ForwardDelaySec=0"]));
    expect(lines(all, "bo.netdev")).toContain("Mode=active-backup");
  });
});

test("netplan's file is JSON with every interface where netplan looks for its kind", () => {
  const text = netplanText(
    want({
      renderer: "netplan",
      interfaces: {
        eth0: { addresses: ["10.0.0.2/24"], gateway: "10.0.0.1", required: false },
        br: { bridge: { ports: ["eth1"] } },
        eth1: {},
      },
    }),
  );
  expect(JSON.parse(text.replace(/^#.*\n/, ""))).toMatchObject({
    network: {
      version: 2,
      renderer: "networkd",
      ethernets: {
        eth0: { addresses: ["10.0.0.2/24"], routes: [{ to: "0.0.0.0/0", via: "10.0.0.1" }], optional: true },
        eth1: { dhcp4: false },
      },
      bridges: { br: { interfaces: ["eth1"] } },
    },
  });
});

test.each([
  ["a gateway in no network of its addresses", { eth0: { addresses: ["10.0.0.2/24"], gateway: "10.0.1.1" } }],
  ["two gateways of one family", { eth0: { addresses: ["10.0.0.2/24"], gateway: ["10.0.0.1", "10.0.0.3"] } }],
  ["a link of Docker's", { docker0: { addresses: ["10.0.0.2/24"] } }],
  ["a link of a container's", { veth12ab: {} }],
  ["a link of the mesh", { wt0: {} }],
  ["a port that is not declared", { br: { bridge: { ports: ["eth7"] } } }],
  ["a port with an address of its own", { br: { bridge: { ports: ["eth0"] } }, eth0: { dhcp4: true } }],
  ["one port of two bridges", { a: { bridge: { ports: ["p"] } }, b: { bridge: { ports: ["p"] } }, p: {} }],
  ["an address without its prefix", { eth0: { addresses: ["10.0.0.2"] } }],
  ["a line within a name", { "eth0\nName=*": {} }],
  ["nothing at all", {}],
])("%s is refused where the site is compiled", (_, all) => {
  expect(() => want({ interfaces: all })).toThrow();
});

test("only files of installers can be named to go", () => {
  for (const path of ["/etc/passwd", "/etc/netplan/../passwd", "/etc/netplan/90-boma.yaml"])
    expect(() => of({ dhcp4: true }, { replaces: [path] }), path).toThrow();
  expect(of({ dhcp4: true }, { replaces: ["/etc/netplan/50-cloud-init.yaml"] }).replaces).toHaveLength(1);
});

const GIVEN: Given = {
  commands: { ...ROUTED, networkctl: {} },
  services: { "systemd-networkd": { active: true, enabled: true } },
  files: { "/etc": { directory: true } },
};

test("what would leave a node without any way out is refused before anything is changed", async () => {
  const host = readHost(memoryHost(GIVEN).ports);
  await expect(spec.check(want({ interfaces: { eno1: {} } }) as never, host)).rejects.toMatchObject({
    code: "state/blocked",
  });
  const moved = want({ interfaces: { eno1: {}, eth1: { dhcp4: true, required: false } } });
  await expect(spec.check(moved as never, host)).resolves.toBeDefined();
});

test.each([
  ["NetworkManager", { services: { ...GIVEN.services, NetworkManager: { active: true } } }],
  ["ifupdown", { files: { "/etc/network/interfaces": "auto eno1\niface eno1 inet dhcp\n" } }],
])("what %s keeps is not kept by two", async (_, more) => {
  const host = readHost(memoryHost({ ...GIVEN, ...more }).ports);
  await expect(
    spec.check(want({ interfaces: { eno1: { dhcp4: true } } }) as never, host),
  ).rejects.toMatchObject({ code: "state/blocked" });
});

test("what takes it back has the files, the lease with what is left of it, and the routes that were there", async () => {
  const declared = want({ interfaces: { eno1: { addresses: ["10.9.0.2/24"], gateway: "10.9.0.1" } } });
  const undo = await spec.confirm!.undo(declared as never, readHost(memoryHost(GIVEN).ports));
  expect(undo.files).toContainEqual({ path: "/etc/systemd/network/10-boma-eno1.network", was: null });
  const told = undo.commands.map((words) => words.join(" "));
  expect(told).toEqual(
    expect.arrayContaining([
      expect.stringMatching(/^busctl --auto-start=no call .* Reload$/),
      expect.stringMatching(/^busctl --auto-start=no call .* ReconfigureLink i 2$/),
      "ip address del 10.9.0.2/24 dev eno1",
      "ip -4 route del default via 10.9.0.1 dev eno1",
      "ip address replace 10.0.0.20/24 dev eno1",
      "ip -4 route replace default via 10.0.0.1 dev eno1 proto dhcp",
    ]),
  );
  // Its neighbour is not declared, and nobody touches it.
  expect(told.join("\n")).not.toContain("enx00e04c1b3a80");
});

test("files of ours that are not declared any more go, and those of others stay", async () => {
  const dir = "/etc/systemd/network";
  const { ports, tree } = memoryHost({
    ...GIVEN,
    commands: { ...GIVEN.commands, "ip link delete dev old": {} },
    files: {
      ...GIVEN.files,
      [dir]: { directory: true },
      [`${dir}/10-boma-old.netdev`]: "[NetDev]\nName=old\nKind=bridge\n",
      [`${dir}/20-mine.network`]: "[Match]\nName=mine\n",
    },
  });
  const declared = want({ interfaces: { eno1: { dhcp4: true } } });
  const changes = await spec.check(declared as never, readHost(ports));
  await spec.apply(changes as never, declared as never, writeHost(ports));
  expect(tree.has(`${dir}/10-boma-old.netdev`)).toBe(false);
  expect(tree.has(`${dir}/20-mine.network`)).toBe(true);
});

test("an address that was there before, is taken away, and is given again, has not settled at its first sight", async () => {
  const { ports } = memoryHost({ commands: ROUTED });
  const shown = ["10.0.0.20", "10.0.0.99", "10.0.0.20"];
  const host = readHost({
    ...ports,
    commands: {
      ...ports.commands,
      read: {
        ...ports.commands.read,
        read: async (command) => {
          const said = await ports.commands.read.read(command);
          if (!command.argv.includes("address")) return said;
          return { ...said, stdout: said.stdout.replace("10.0.0.20", shown.shift() ?? "10.0.0.20") };
        },
      },
    },
  });
  await settled(want({ interfaces: { eno1: { addresses: ["10.0.0.20/24"] } } }), host);
  expect(shown).toEqual([]);
});

test("addresses are compared as the kernel writes them", () => {
  expect(plainAddress("2001:DB8:0:0::1/64")).toBe("2001:db8::1/64");
  expect(isWithin("192.168.100.7", "192.168.100.1/24")).toBe(true);
  expect(isWithin("192.168.101.7", "192.168.100.1/24")).toBe(false);
  expect(isWithin("2001:db8::ffff", "2001:db8::1/64")).toBe(true);
  expect(isWithin("2001:db8:0:1::1", "2001:db8::1/64")).toBe(false);
  expect(networkTextOf("192.168.100.77/26")).toBe("192.168.100.64/26");
});
