/** What can be said of the network of a machine, and what of it cannot be meant. */
import { parseDuration } from "@boma/protocol";
import { z } from "zod";

import { Duration } from "../pkg/parameters.ts";
import { isV6, isWithin } from "./ip-networks.ts";

/** Links that containers, schedulers and the mesh make for themselves. */
const FOREIGN = /^(lo|docker\d+|br-.*|veth.*|wt\d+|cni.*|nomad.*)$/;
const isForeign = (name: string): boolean => FOREIGN.test(name);

const InterfaceName = z
  .string()
  .regex(/^[A-Za-z][A-Za-z0-9._-]{0,14}$/, "at most 15 letters, digits, `.`, `_` and `-`")
  .refine((name) => !isForeign(name), "a link that another program makes and keeps");
const Address = z.union([z.cidrv4(), z.cidrv6()]);
const Host = z.union([z.ipv4(), z.ipv6()]);
const Metric = z.int().min(1).max(4_294_967_295);

const Interface = z.strictObject({
  match: z
    .strictObject({
      name: InterfaceName.optional(),
      mac: z
        .string()
        .regex(/^([0-9a-f]{2}:){5}[0-9a-f]{2}$/i, "six bytes such as `00:e0:4c:1b:3a:80`")
        .transform((mac) => mac.toLowerCase())
        .optional(),
    })
    .refine(({ name, mac }) => (name === undefined) !== (mac === undefined), "either `name` or `mac`")
    .optional(),
  addresses: z.array(Address).max(64).default([]),
  dhcp4: z.boolean().default(false),
  dhcp6: z.boolean().default(false),
  acceptRa: z.boolean().optional(),
  gateway: z.union([Host, z.array(Host).max(2)]).optional(),
  onLink: z.boolean().default(false),
  metric: Metric.optional(),
  dns: z.array(Host).max(8).default([]),
  mtu: z.int().min(576).max(65_535).optional(),
  vlan: z.strictObject({ id: z.int().min(1).max(4094), link: InterfaceName }).optional(),
  bridge: z
    .strictObject({ ports: z.array(InterfaceName).max(64), stp: z.boolean().default(false) })
    .optional(),
  bond: z
    .strictObject({
      ports: z.array(InterfaceName).min(1).max(16),
      mode: z
        .enum([
          "active-backup",
          "balance-rr",
          "balance-xor",
          "broadcast",
          "802.3ad",
          "balance-tlb",
          "balance-alb",
        ])
        .default("active-backup"),
    })
    .optional(),
  required: z.boolean().default(true),
});
export type Interface = z.output<typeof Interface>;

const Route = z.strictObject({
  to: z.union([Address, z.literal("default")]),
  via: Host,
  interface: InterfaceName,
  metric: Metric.optional(),
});
export type Route = z.output<typeof Route>;

const WITHIN_MS_MIN = 5_000;
const WITHIN_MS_MAX = 10 * 60_000;

const REPLACEABLE =
  /^\/etc\/(netplan\/(?!90-boma\.yaml$)[\w.@+-]+\.yaml|systemd\/network\/(?!10-boma-)[\w.@+-]+\.(network|netdev|link)|network\/interfaces\.d\/[\w.-]+)$/;

export const Params = z
  .strictObject({
    name: z.literal("node").describe("There is one for a node, and this is its name."),
    renderer: z
      .enum(["networkd", "netplan"])
      .default("networkd")
      .describe("Who is told: systemd-networkd by its own files, or netplan, which tells systemd-networkd."),
    interfaces: z
      .record(InterfaceName, Interface)
      .refine((all) => Object.keys(all).length > 0, "at least one interface")
      .describe(
        "By name: `match` (`name` or `mac`), `addresses` with their prefix, `dhcp4`, `dhcp6`, `acceptRa`, `gateway`, `onLink`, `metric`, `dns`, `mtu`, `vlan`, `bridge`, `bond`, `required`.",
      ),
    routes: z.array(Route).max(200).default([]).describe("Further routes: `{ to, via, interface, metric }`."),
    forwarding: z
      .enum(["ipv4", "both"])
      .optional()
      .describe("Pass packets on between interfaces; left as it is where it is not said."),
    replaces: z
      .array(z.string().regex(REPLACEABLE, "a file below /etc/netplan, /etc/systemd/network or interfaces.d"))
      .max(32)
      .default([])
      .describe("Files of an installer that configure the same interfaces, and are to go."),
    confirmWithin: Duration.refine((text) => {
      const ms = parseDuration(text);
      return ms >= WITHIN_MS_MIN && ms <= WITHIN_MS_MAX;
    }, "between 5s and 10m")
      .default("2m")
      .describe("How long the agent has to reach the master anew before a change is taken back."),
  })
  .superRefine(({ interfaces, routes }, context) => {
    const wrong = (message: string, ...path: (string | number)[]): void =>
      context.addIssue({ code: "custom", message, path: ["interfaces", ...path] });
    const ports = new Map<string, string>();
    for (const [name, own] of Object.entries(interfaces)) {
      for (const why of faultsOf(own, (other) => Object.hasOwn(interfaces, other))) wrong(why, name);
      for (const port of portsOf(own)) {
        if (ports.has(port)) wrong(`${port} is a port of ${ports.get(port)} already`, name);
        ports.set(port, name);
      }
    }
    for (const port of ports.keys())
      if (interfaces[port] && hasAddresses(interfaces[port]))
        wrong(`a port of ${ports.get(port)} has no address of its own`, port);
    for (const { interface: name } of routes)
      if (!Object.hasOwn(interfaces, name)) wrong(`a route leads through ${name}, which is not declared`);
  });
export type Want = z.output<typeof Params>;

const portsOf = ({ bridge, bond }: Interface): readonly string[] => bridge?.ports ?? bond?.ports ?? [];

export const gatewaysOf = ({ gateway }: Interface): readonly string[] =>
  gateway === undefined ? [] : [gateway].flat();

export const acceptsRa = ({ acceptRa, dhcp6 }: Interface): boolean => acceptRa ?? dhcp6;

export const hasAddresses = (own: Interface): boolean =>
  own.addresses.length > 0 || own.dhcp4 || own.dhcp6 || acceptsRa(own);

export const isVirtual = ({ vlan, bridge, bond }: Interface): boolean =>
  (vlan ?? bridge ?? bond) !== undefined;

/** The bridge or bond that an interface is a port of. */
export const masterOf = ({ interfaces }: Want, name: string): string | undefined =>
  Object.keys(interfaces).find((other) => portsOf(interfaces[other]!).includes(name));

function faultsOf(own: Interface, isDeclared: (name: string) => boolean): readonly string[] {
  const faults: string[] = [];
  const { vlan, bridge, bond, match, addresses, onLink } = own;
  if ([vlan, bridge, bond].filter((kind) => kind !== undefined).length > 1)
    faults.push("is one of `vlan`, `bridge` and `bond`");
  if (isVirtual(own) && match) faults.push("what is made here is not matched: leave `match` away");
  for (const other of [...portsOf(own), ...(vlan ? [vlan.link] : [])])
    if (!isDeclared(other)) faults.push(`${other} has to be declared too, as in \`${other}: {}\``);
  const gateways = gatewaysOf(own);
  if (new Set(gateways.map(isV6)).size < gateways.length) faults.push("one gateway of each family");
  for (const gateway of gateways) {
    const near = addresses.some((address) => isWithin(gateway, address));
    const learned = isV6(gateway) ? gateway.startsWith("fe80:") || acceptsRa(own) : own.dhcp4;
    if (!near && !learned && !onLink)
      faults.push(`the gateway ${gateway} is in no network of its addresses (\`onLink: true\` if it is so)`);
  }
  return faults;
}
