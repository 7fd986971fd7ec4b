/** The file of netplan. It is JSON, which is YAML too, and right by construction. */
import { isV6 } from "./ip-networks.ts";
import { acceptsRa, gatewaysOf, type Interface, type Route, type Want } from "./parameters.ts";

export const NETPLAN_DIR = "/etc/netplan";
export const NETPLAN_FILE = `${NETPLAN_DIR}/90-boma.yaml`;

const NOTE = "# Kept by boma: network.interfaces(node). Changes made here are undone.\n";

export function netplanText(want: Want): string {
  const kinds: Record<string, Record<string, object>> = {};
  for (const [name, own] of Object.entries(want.interfaces))
    (kinds[kindOf(own)] ??= {})[name] = { ...commonOf(name, own, want.routes), ...specialOf(name, own) };
  const network = { version: 2, renderer: "networkd", ...kinds };
  return `${NOTE}${JSON.stringify({ network }, null, 2)}\n`;
}

const kindOf = ({ vlan, bridge, bond }: Interface): string =>
  vlan ? "vlans" : bridge ? "bridges" : bond ? "bonds" : "ethernets";

function commonOf(name: string, own: Interface, routes: readonly Route[]): object {
  const { addresses, dhcp4, dhcp6, dns, mtu, metric, required, onLink } = own;
  const ways = [
    ...gatewaysOf(own).map((via) => ({
      to: isV6(via) ? "::/0" : "0.0.0.0/0",
      via,
      ...(onLink && { "on-link": true }),
      ...(metric !== undefined && { metric }),
    })),
    ...routes
      .filter((route) => route.interface === name)
      .map(({ to, via, metric: cost }) => ({
        to: to !== "default" ? to : isV6(via) ? "::/0" : "0.0.0.0/0",
        via,
        ...(cost !== undefined && { metric: cost }),
      })),
  ];
  return {
    ...(addresses.length > 0 && { addresses }),
    dhcp4,
    dhcp6,
    "accept-ra": acceptsRa(own),
    ...(dhcp4 && metric !== undefined && { "dhcp4-overrides": { "route-metric": metric } }),
    ...(ways.length > 0 && { routes: ways }),
    ...(dns.length > 0 && { nameservers: { addresses: dns } }),
    ...(mtu !== undefined && { mtu }),
    ...(!required && { optional: true }),
  };
}

function specialOf(name: string, { match, vlan, bridge, bond }: Interface): object {
  if (vlan) return { id: vlan.id, link: vlan.link };
  if (bridge)
    return {
      interfaces: bridge.ports,
      parameters: { stp: bridge.stp, ...(!bridge.stp && { "forward-delay": 0 }) },
    };
  if (bond) return { interfaces: bond.ports, parameters: { mode: bond.mode, "mii-monitor-interval": 100 } };
  if (match?.mac !== undefined) return { match: { macaddress: match.mac }, "set-name": name };
  return match?.name === undefined ? {} : { match: { name: match.name } };
}

/** The links that a file of ours makes, each with what makes it another one. */
export function linksMadeBy(text: string): ReadonlyMap<string, string> {
  const json = text.startsWith(NOTE) ? (JSON.parse(text.slice(NOTE.length)) as Written) : {};
  const { vlans = {}, bridges = {}, bonds = {} } = json.network ?? {};
  return new Map([
    ...Object.entries(vlans).map(([name, { id, link }]) => [name, `vlan ${id} of ${link}`] as const),
    ...Object.keys(bridges).map((name) => [name, "bridge"] as const),
    ...Object.keys(bonds).map((name) => [name, "bond"] as const),
  ]);
}

interface Written {
  readonly network?: {
    readonly vlans?: Readonly<Record<string, { readonly id: number; readonly link: string }>>;
    readonly bridges?: Readonly<Record<string, object>>;
    readonly bonds?: Readonly<Record<string, object>>;
  };
}
