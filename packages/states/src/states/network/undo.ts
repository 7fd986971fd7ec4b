/**
 * What takes a change of the network back without the agent: the files as they
 * were, networkd told of it, and then, word for word, the addresses and routes
 * that were there, whoever had made them.
 */
import type { ReadHost } from "../../host/host.ts";
import type { Undo } from "../../state-spec.ts";
import { isV6, plainAddress } from "./ip-networks.ts";
import { defaultRoutes, type Link, linkOf, type Live, readLive } from "./live.ts";
import { gatewaysOf, isVirtual, type Want } from "./parameters.ts";
import { routeCommand, routesOn } from "./routes.ts";
import { forwardingOf, remembered, wantedFiles } from "./wanted-files.ts";

const NETWORKD = "systemd-networkd.service";
const FOREVER = 4_294_967_295;

export async function undoOf(want: Want, host: ReadHost): Promise<Undo> {
  const [live, wanted, { active }] = await Promise.all([
    readLive(host),
    wantedFiles(want, host.files),
    host.services.status(NETWORKD),
  ]);
  const files = await Promise.all([...wanted.keys()].map((path) => remembered(path, host.files)));
  const links = Object.entries(want.interfaces).flatMap(([name, own]) => linkOf(live, name, own) ?? []);
  const names = links.map(({ ifname }) => ifname);
  return {
    files,
    commands: [
      ...(want.renderer === "netplan" ? [["netplan", "generate"]] : []),
      ...(active === "active"
        ? toldAgain(links)
        : [["systemctl", "--no-block", "disable", "--now", NETWORKD]]),
      ...newLinks(want, live).map((name) => ["ip", "link", "delete", "dev", name]),
      ...newThings(want, live),
      ...links.flatMap((link) => addressesOf(link)),
      ...routesOn(live, names).map(routeCommand),
      ...(await forwardingAsItWas(want, host)),
    ],
  };
}

const NETWORK1 = [
  "org.freedesktop.network1",
  "/org/freedesktop/network1",
  "org.freedesktop.network1.Manager",
];
/** `networkctl` would have it started, and at a boot it waits for this very undo. */
const CALL = ["busctl", "--auto-start=no", "call", ...NETWORK1];

/** It reads its files again; what it then does is waited for, but not for long: at a boot it does not run yet. */
const toldAgain = (links: readonly Link[]): string[][] => [
  [...CALL, "Reload"],
  ...links.map(({ ifindex }) => [...CALL, "ReconfigureLink", "i", String(ifindex)]),
  [
    "/lib/systemd/systemd-networkd-wait-online",
    "--timeout=5",
    ...links.map(({ ifname }) => `--interface=${ifname}:no-carrier`),
  ],
];

const newLinks = ({ interfaces }: Want, { links }: Live): readonly string[] =>
  Object.entries(interfaces).flatMap(([name, own]) =>
    isVirtual(own) && !links.some(({ ifname }) => ifname === name) ? [name] : [],
  );

/** Addresses and gateways that are not there yet, and must not stay. */
function newThings({ interfaces }: Want, live: Live): readonly string[][] {
  return Object.entries(interfaces).flatMap(([name, own]) => {
    const link = linkOf(live, name, own);
    if (!link) return [];
    const { ifname } = link;
    const there = new Set(link.addr_info.map(({ local, prefixlen }) => `${local}/${prefixlen}`));
    const addresses = own.addresses.map(plainAddress).filter((text) => !there.has(text));
    const ways = gatewaysOf(own)
      .map(plainAddress)
      .filter((via) => !defaultRoutes(live).some(({ dev, gateway }) => dev === ifname && gateway === via));
    return [
      ...ways.map((via) => ["ip", family(via), "route", "del", "default", "via", via, "dev", ifname]),
      ...addresses.map((text) => ["ip", "address", "del", text, "dev", ifname]),
    ];
  });
}

const family = (text: string): string => (isV6(text) ? "-6" : "-4");

const addressesOf = ({ ifname, addr_info: addresses }: Link): readonly string[][] =>
  addresses.flatMap(({ local, prefixlen, scope, ...life }) => {
    if (local === undefined || scope !== "global") return [];
    const { valid_life_time: valid = FOREVER, preferred_life_time: preferred = FOREVER } = life;
    // A lease goes on to end when it ends.
    const times =
      valid === FOREVER
        ? []
        : ["valid_lft", String(valid), "preferred_lft", String(Math.min(preferred, valid))];
    return [["ip", "address", "replace", `${local}/${prefixlen}`, "dev", ifname, ...times]];
  });

async function forwardingAsItWas(want: Want, { kernel }: ReadHost): Promise<readonly string[][]> {
  const values = await Promise.all(
    forwardingOf(want).map(async (key) => [key, await kernel.parameter(key)] as const),
  );
  return values.flatMap(([key, value]) =>
    value === undefined || value === "1"
      ? []
      : [["sysctl", "-q", "-w", `${key.replaceAll("/", ".")}=${value}`]],
  );
}
