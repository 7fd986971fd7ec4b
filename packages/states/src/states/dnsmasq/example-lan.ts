/** A local network behind a gateway, as documents show it. */
import type { Example } from "../../state-spec.ts";
import type { Given } from "../../testing/given.ts";
import { ROUTED } from "../network/example-network.ts";
import type { Params } from "./parameters.ts";

const GIVEN: Given = {
  commands: { ...ROUTED, dnsmasq: {} },
  services: { dnsmasq: { active: true, canReload: true } },
  files: { "/etc": { directory: true }, "/etc/dnsmasq.d": { directory: true } },
};

export const EXAMPLES: readonly Example<typeof Params>[] = [
  {
    title: "addresses and names for a local network",
    key: "lan",
    params: {
      interfaces: ["enx00e04c1b3a80"],
      dhcp: {
        ranges: [{ first: "192.168.100.100", last: "192.168.100.200" }],
        hosts: [{ mac: "dc:a6:32:00:00:01", ip: "192.168.100.20", name: "pi" }],
        router: "192.168.100.1",
        authoritative: true,
      },
      dns: {
        upstreams: ["9.9.9.9"],
        domain: "lan.example",
        records: [{ name: "gateway.lan.example", ip: "192.168.100.1" }],
      },
    },
    given: GIVEN,
  },
  {
    title: "boot files by the kind of machine, and no names",
    key: "boot",
    params: {
      interfaces: ["enx00e04c1b3a80"],
      dhcp: { proxy: "192.168.100.0" },
      dns: { port: 0 },
      tftp: { root: "/srv/tftp" },
      pxe: { byArch: { bios: "pxelinux.0", "efi-x64": "grubx64.efi", "efi-arm64": "grubaa64.efi" } },
    },
    given: GIVEN,
  },
];
