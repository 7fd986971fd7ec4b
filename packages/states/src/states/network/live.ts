/** The network as it is now, in the kernel's own words, against what is declared. */
import { BomaError } from "@boma/protocol";
import { z } from "zod";

import type { Change } from "../../changes.ts";
import type { ReadHost } from "../../host/host.ts";
import { isV6, plainAddress } from "./ip-networks.ts";
import { acceptsRa, gatewaysOf, hasAddresses, type Interface, masterOf, type Want } from "./parameters.ts";

const Link = z.object({
  ifname: z.string(),
  ifindex: z.number(),
  flags: z.array(z.string()).default([]),
  mtu: z.number().optional(),
  master: z.string().optional(),
  address: z.string().optional(),
  permaddr: z.string().optional(),
  linkinfo: z.object({ info_kind: z.string().optional() }).optional(),
  addr_info: z
    .array(
      z.object({
        local: z.string().optional(),
        prefixlen: z.number(),
        scope: z.string(),
        dynamic: z.boolean().optional(),
        tentative: z.boolean().optional(),
        valid_life_time: z.number().optional(),
        preferred_life_time: z.number().optional(),
      }),
    )
    .default([]),
});
export type Link = z.output<typeof Link>;

const KernelRoute = z.object({
  dst: z.string(),
  gateway: z.string().optional(),
  dev: z.string().optional(),
  protocol: z.string().optional(),
  metric: z.number().optional(),
  scope: z.string().optional(),
  flags: z.array(z.string()).default([]),
});
export type KernelRoute = z.output<typeof KernelRoute>;

export interface Live {
  readonly links: readonly Link[];
  readonly routes: readonly KernelRoute[];
}

const LISTED_BYTES_MAX = 8 * 1024 * 1024;

export async function readLive({ commands }: ReadHost): Promise<Live> {
  const ask = async <T>(schema: z.ZodType<T>, ...words: string[]): Promise<readonly T[]> => {
    const argv = ["ip", "-j", ...words];
    const { exitCode, stdout, stderr } = await commands.read({ argv, keepBytes: LISTED_BYTES_MAX });
    if (exitCode !== 0)
      throw new BomaError("state/unsupported", `${argv.join(" ")} failed: ${stderr.trim()}`, {
        hint: "The package iproute2 has the program.",
      });
    return z.array(schema).parse(JSON.parse(stdout.trim() || "[]"));
  };
  const [links, v4, v6] = await Promise.all([
    ask(Link, "-d", "address", "show"),
    ask(KernelRoute, "-4", "route", "show", "table", "main"),
    ask(KernelRoute, "-6", "route", "show", "table", "main"),
  ]);
  return { links, routes: [...v4, ...v6] };
}

/** The link that a declaration means, whatever it is called until the next boot. */
export function linkOf({ links }: Live, name: string, { match }: Interface): Link | undefined {
  const mac = match?.mac;
  if (mac === undefined) return links.find(({ ifname }) => ifname === (match?.name ?? name));
  return links.find(
    ({ address, permaddr, linkinfo }) =>
      (permaddr ?? address) === mac && (linkinfo?.info_kind === undefined || linkinfo.info_kind === "veth"),
  );
}

const globalAddresses = ({ addr_info: addresses }: Link): readonly string[] =>
  addresses.flatMap(({ local, prefixlen, scope, tentative }) =>
    local === undefined || scope !== "global" || tentative ? [] : [`${local}/${prefixlen}`],
  );

export const defaultRoutes = ({ routes }: Live): readonly KernelRoute[] =>
  routes.filter(({ dst }) => dst === "default");

/** What differs of what runs, by interface and in words. */
export function liveChanges(want: Want, live: Live): Record<string, Change<string>> {
  return Object.fromEntries(
    Object.entries(want.interfaces).flatMap(([name, own]) =>
      differencesOf(name, own, want, live)
        .filter(([, from, to]) => from !== to)
        .map(([what, from, to]) => [`${name} ${what}`, { from, to }]),
    ),
  );
}

type Difference = readonly [what: string, from: string, to: string];

function differencesOf(name: string, own: Interface, want: Want, live: Live): readonly Difference[] {
  const link = linkOf(live, name, own);
  // What need not be there, such as a cable in a laptop, is nothing that differs.
  const isAway = !link || !link.flags.includes("LOWER_UP");
  if (isAway && !own.required) return [];
  if (!link) return [["link", "no such link", "a link"]];
  if (isAway && !own.bridge && (hasAddresses(own) || gatewaysOf(own).length > 0))
    return [["link", "no carrier", "a carrier"]];
  const master = masterOf(want, name);
  return [
    ...(own.mtu === undefined ? [] : [["mtu", String(link.mtu), String(own.mtu)] as const]),
    ...(master === undefined ? [] : [["port of", link.master ?? "nothing", master] as const]),
    ...addressDifferences(own, link),
    ...gatewaysOf(own).map((gateway): Difference => [
      "gateway",
      hasGateway(live, link, gateway) ? gateway : "none",
      gateway,
    ]),
    ...want.routes
      .filter((route) => route.interface === name)
      .map(({ to, via }): Difference => {
        const text = `${to} via ${via}`;
        return [`route to ${to}`, hasRoute(live, link, to, via) ? text : "none", text];
      }),
  ];
}

function addressDifferences(own: Interface, link: Link): readonly Difference[] {
  const there = new Set(globalAddresses(link));
  const fixed = own.addresses.map(plainAddress);
  const has = (v6: boolean): boolean => [...there].some((text) => isV6(text) === v6);
  return [
    ["addresses", fixed.filter((text) => there.has(text)).join(", ") || "none", fixed.join(", ") || "none"],
    ...(own.dhcp4 ? [["lease", has(false) ? "an address" : "none", "an address"] as const] : []),
    ...(own.dhcp6 && !acceptsRa(own)
      ? [["lease of IPv6", has(true) ? "an address" : "none", "an address"] as const]
      : []),
  ];
}

const hasGateway = (live: Live, { ifname }: Link, gateway: string): boolean =>
  defaultRoutes(live).some((route) => route.dev === ifname && route.gateway === plainAddress(gateway));

function hasRoute(live: Live, { ifname }: Link, to: string, via: string): boolean {
  // A route to one host is shown without its prefix.
  const wanted = plainAddress(to).replace(/^([\d.]+)\/32$|^(.*:.*)\/128$/, "$1$2");
  return live.routes.some(
    ({ dst, dev, gateway }) => dst === wanted && dev === ifname && gateway === plainAddress(via),
  );
}

/** Why these declarations would leave the node without any way out; `undefined` where they do not obviously. */
export function cutOff(want: Want, live: Live): string | undefined {
  const declared = new Map(
    Object.entries(want.interfaces).flatMap(([name, own]) => {
      const link = linkOf(live, name, own);
      return link ? [[link.ifname, own] as const] : [];
    }),
  );
  const carrying = defaultRoutes(live).flatMap(({ dev }) =>
    dev !== undefined && declared.has(dev) ? [dev] : [],
  );
  const others = defaultRoutes(live).some(({ dev }) => dev !== undefined && !declared.has(dev));
  const waysOut = Object.values(want.interfaces).some(
    (own) => gatewaysOf(own).length > 0 || own.dhcp4 || own.dhcp6 || acceptsRa(own),
  );
  if (carrying.length === 0 || others || waysOut || want.routes.some(({ to }) => to === "default"))
    return undefined;
  if (carrying.some((dev) => hasAddresses(declared.get(dev)!))) return undefined;
  return `${carrying.join(", ")} has the way to everything else, and would lose its addresses without another having one`;
}
