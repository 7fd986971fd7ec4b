/** A machine with two network cards, as the kernel tells of it. */
import type { Example } from "../../state-spec.ts";
import type { Given, GivenAnswer } from "../../testing/given.ts";
import type { Params } from "./parameters.ts";

const link = (ifname: string, local: string, more: object = {}): object => ({
  ifname,
  ifindex: ifname === "eno1" ? 2 : 3,
  flags: ["BROADCAST", "MULTICAST", "UP", "LOWER_UP"],
  mtu: 1500,
  link_type: "ether",
  ...more,
  addr_info: [{ family: "inet", local, prefixlen: 24, scope: "global", dynamic: ifname === "eno1" }],
});
const said = (value: unknown): GivenAnswer => ({ stdout: JSON.stringify(value) });

export const ROUTED: Readonly<Record<string, GivenAnswer>> = {
  "ip -j -d address show": said([
    link("eno1", "10.0.0.20", { address: "02:00:00:00:00:01" }),
    link("enx00e04c1b3a80", "192.168.100.1", { address: "00:e0:4c:1b:3a:80" }),
  ]),
  "ip -j -4 route show table main": said([
    { dst: "default", gateway: "10.0.0.1", dev: "eno1", protocol: "dhcp" },
    { dst: "10.0.0.0/24", dev: "eno1", protocol: "kernel", scope: "link" },
  ]),
  "ip -j -6 route show table main": said([]),
  "ip -4 neighbour replace 10.0.0.1 dev eno1 use": {},
  "ip -j -4 neighbour show 10.0.0.1 dev eno1": said([{ dst: "10.0.0.1", state: ["REACHABLE"] }]),
  networkctl: {},
};

const MACHINE: Given = {
  commands: { ...ROUTED, netplan: {}, "netplan generate": {} },
  kernel: { parameters: { "net/ipv4/ip_forward": "0" } },
  services: { "systemd-networkd": {} },
  files: { "/etc": { directory: true } },
};

export const EXAMPLES: readonly Example<typeof Params>[] = [
  {
    title: "one side to the internet, one to a network of one's own",
    key: "node",
    params: {
      interfaces: {
        eno1: { dhcp4: true },
        lan: { match: { mac: "00:e0:4c:1b:3a:80" }, addresses: ["192.168.100.1/24"] },
      },
      forwarding: "ipv4",
    },
    given: MACHINE,
  },
  {
    title: "fixed addresses by netplan, in the place of what the installer wrote",
    key: "node",
    params: {
      renderer: "netplan",
      interfaces: { eno1: { addresses: ["10.0.0.20/24"], gateway: "10.0.0.1", dns: ["10.0.0.1"] } },
      replaces: ["/etc/netplan/50-cloud-init.yaml"],
    },
    given: {
      ...MACHINE,
      files: {
        "/etc": { directory: true },
        "/etc/cloud/cloud.cfg.d": { directory: true },
        "/etc/netplan": { directory: true },
        "/etc/netplan/50-cloud-init.yaml": "network: {version: 2, ethernets: {eno1: {dhcp4: true}}}\n",
      },
    },
  },
];
