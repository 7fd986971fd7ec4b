/** Routes that were there, so that they can be put there again. */
import { isV6 } from "./ip-networks.ts";
import type { KernelRoute, Live } from "./live.ts";

/** Who makes a route anew with the interface. */
const MADE_ANEW = new Set(["static", "dhcp", "ra"]);

/** The kernel makes its own with the address. */
export const routesOn = ({ routes }: Live, names: readonly string[]): readonly KernelRoute[] =>
  routes.filter(({ dev, protocol }) => dev !== undefined && names.includes(dev) && protocol !== "kernel");

/** What others have put on these interfaces: the kernel drops it when the last address of one goes, if for a moment. */
export const foreignRoutesOn = (live: Live, names: readonly string[]): readonly KernelRoute[] =>
  routesOn(live, names).filter(({ dst, protocol = "boot" }) => dst !== "default" && !MADE_ANEW.has(protocol));

export const isThere = ({ routes }: Live, { dst, dev, gateway }: KernelRoute): boolean =>
  routes.some((route) => route.dst === dst && route.dev === dev && route.gateway === gateway);

export function routeCommand(route: KernelRoute): readonly string[] {
  const { dst, gateway, dev = "", protocol, metric, scope, flags } = route;
  return [
    "ip",
    isV6(gateway ?? dst) ? "-6" : "-4",
    "route",
    "replace",
    dst,
    ...(gateway === undefined ? [] : ["via", gateway]),
    "dev",
    dev,
    ...(flags.includes("onlink") ? ["onlink"] : []),
    ...(protocol === undefined ? [] : ["proto", protocol]),
    ...(metric === undefined ? [] : ["metric", String(metric)]),
    ...(scope === undefined || gateway !== undefined ? [] : ["scope", scope]),
  ];
}
