/** A second server of addresses brings down whole networks: where this one must not begin to be one. */
import { BomaError } from "@boma/protocol";

import type { ReadHost } from "../../host/host.ts";
import { defaultRoutes, type Live, readLive } from "../network/live.ts";
import type { Want } from "./parameters.ts";

/** Some try for seconds whether an address is free before they offer it. */
const ANSWER_MS = 8_000;

export async function rogueOn(
  { dhcp, allow, interfaces }: Want,
  host: ReadHost,
): Promise<string | undefined> {
  if (!dhcp || dhcp.ranges.length === 0 || allow) return undefined;
  const live = await readLive(host);
  for (const name of new Set(dhcp.ranges.flatMap((range) => range.interface ?? interfaces))) {
    if (defaultRoutes(live).some(({ dev }) => dev === name))
      return `${name} has the default route: its network has somebody who gives out addresses`;
    const other = await serverOn(name, live, host);
    if (other !== undefined) return `${other} gives out addresses on ${name} already`;
  }
  return undefined;
}

async function serverOn(name: string, { links }: Live, host: ReadHost): Promise<string | undefined> {
  const own = links.flatMap(({ addr_info: addresses }) => addresses.flatMap(({ local }) => local ?? []));
  const link = links.find(({ ifname }) => ifname === name);
  const local = link?.addr_info.find(
    ({ local: address, scope }) => scope === "global" && address?.includes("."),
  );
  // An interface that is not there yet has no network in which somebody could answer.
  if (!link?.address || local?.local === undefined) return undefined;
  return host.dhcp.server({ address: local.local, mac: link.address, but: own, withinMs: ANSWER_MS });
}

export async function assertNoRogue(want: Want, host: ReadHost): Promise<void> {
  const why = await rogueOn(want, host);
  if (why === undefined) return;
  throw new BomaError("state/blocked", why, {
    hint: "Take the range away, use `proxy`, or say `allow: true` where both are meant to.",
  });
}
