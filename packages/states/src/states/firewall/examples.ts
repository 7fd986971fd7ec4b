/** Firewalls that documents show, each with a machine of memory whose nft says what it would say of them. */
import { z } from "zod";

import type { Given } from "../../testing/given.ts";
import { tableOf } from "./build.ts";
import { listingOf } from "./example-listing.ts";
import { shape } from "./parameters.ts";

const LIST = "nft -n -j list table inet boma";
const Shape = z.strictObject(shape);

interface Written {
  readonly title: string;
  readonly params: Omit<z.input<typeof Shape>, "name">;
  readonly services?: Given["services"];
}

const WRITTEN: readonly Written[] = [
  {
    title: "SSH from the office, and what the other declarations need",
    params: {
      control: { sshFrom: ["192.0.2.0/24", "2001:db8:1::/48"] },
      zones: { lan: { interfaces: ["eth1"], from: ["10.0.0.0/8"] }, mesh: { interfaces: ["wt0"] } },
      needs: [
        { owner: "firewall.port(http)", name: "http", proto: "tcp", port: 80, exposure: "public" },
        { owner: "nomad.client(node)", name: "ports", proto: "tcp", port: "20000-32000", exposure: "mesh" },
      ],
    },
    services: { nftables: { enabled: true } },
  },
  {
    title: "nothing out but what it has to say",
    params: {
      control: {
        bus: { addresses: ["192.0.2.10", "2001:db8::10"], port: 4222 },
        sshFrom: ["192.0.2.0/24"],
        meshInterfaces: ["wt0"],
        breakGlass: { interface: "eth9", from: ["198.51.100.7"], port: 2222 },
      },
      output: { policy: "drop", resolvers: ["192.0.2.53"], timeServers: ["192.0.2.123"] },
      log: {},
    },
  },
  {
    title: "a gateway for the local network",
    params: {
      control: { sshFrom: ["10.0.0.0/24"] },
      forward: "nat",
      nat: { masquerade: [{ iif: "eth1", oif: "eth0", from: ["10.0.0.0/24"] }] },
    },
    services: { docker: { active: true } },
  },
  {
    title: "containers, of which only one port is for the world",
    params: {
      control: { sshFrom: ["10.0.0.0/24"] },
      zones: { public: { interfaces: ["eth0"] } },
      forward: "published-only",
      needs: [{ owner: "firewall.port(https)", name: "https", proto: "tcp", port: 443, exposure: "public" }],
      rules: [{ name: "pests", action: "drop", from: ["203.0.113.0/24"] }],
    },
  },
];

export const examples = WRITTEN.map(({ title, params, services = {} }) => {
  const listing = listingOf(tableOf(Shape.parse({ ...params, name: "node" })));
  const given: Given = {
    services,
    files: Object.fromEntries(
      ["/etc", "/run", "/etc/systemd", "/etc/systemd/system"].map((path) => [path, { directory: true }]),
    ),
    commands: {
      nft: { teaches: { [LIST]: { stdout: listing } } },
      [LIST]: { exitCode: 1, stderr: "Error: No such file or directory" },
    },
  };
  return { title, key: "node" as const, params, given };
});
