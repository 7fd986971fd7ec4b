/** The files of systemd-networkd: right by construction, since nothing checks them before they count. */
import { acceptsRa, gatewaysOf, type Interface, isVirtual, masterOf, type Want } from "./parameters.ts";

export const NETWORKD_DIR = "/etc/systemd/network";
const OWN = /^10-boma-(.+)\.(network|netdev|link)$/;

export const isOwnNetworkdFile = (name: string): boolean => OWN.test(name);
/** The link that a file of ours makes; `undefined` for one that makes none. */
export const madeBy = (path: string): string | undefined => {
  const [, name, kind] = OWN.exec(path.slice(path.lastIndexOf("/") + 1)) ?? [];
  return kind === "netdev" ? name : undefined;
};

type Section = readonly [
  name: string,
  lines: readonly (readonly [string, string | number] | undefined | false)[],
];

const NOTE = "# Kept by boma: network.interfaces(node). Changes made here are undone.\n";

/** Sections without a line are left out. */
const textOf = (sections: readonly Section[]): string =>
  NOTE +
  sections
    .map(([name, lines]) => [name, lines.filter((line) => line !== undefined && line !== false)] as const)
    .filter(([, lines]) => lines.length > 0)
    .map(([name, lines]) => `\n[${name}]\n${lines.map(([key, value]) => `${key}=${value}\n`).join("")}`)
    .join("");

/** Path to text. */
export function networkdFiles(want: Want): ReadonlyMap<string, string> {
  const files = new Map<string, string>();
  for (const [name, own] of Object.entries(want.interfaces)) {
    const path = `${NETWORKD_DIR}/10-boma-${name}`;
    files.set(`${path}.network`, networkText(name, own, want));
    if (isVirtual(own)) files.set(`${path}.netdev`, netdevText(name, own));
    if (own.match?.mac !== undefined)
      files.set(
        `${path}.link`,
        textOf([
          ["Match", [["PermanentMACAddress", own.match.mac]]],
          ["Link", [["Name", name]]],
        ]),
      );
  }
  return files;
}

function networkText(name: string, own: Interface, want: Want): string {
  const { match, mtu, required, addresses, dns, metric } = own;
  const master = masterOf(want, name);
  const kind = master !== undefined && want.interfaces[master]!.bond ? "Bond" : "Bridge";
  const vlans = Object.entries(want.interfaces).filter(([, { vlan }]) => vlan?.link === name);
  return textOf([
    [
      "Match",
      [match?.mac === undefined ? ["Name", match?.name ?? name] : ["PermanentMACAddress", match.mac]],
    ],
    [
      "Link",
      [
        mtu !== undefined && ["MTUBytes", mtu],
        (!required || master !== undefined) && ["RequiredForOnline", "no"],
      ],
    ],
    [
      "Network",
      [
        ["DHCP", dhcpWord(own)],
        ["IPv6AcceptRA", acceptsRa(own) ? "yes" : "no"],
        master !== undefined && ["LinkLocalAddressing", "no"],
        master !== undefined && [kind, master],
        ...vlans.map(([vlan]) => ["VLAN", vlan] as const),
        ...addresses.map((address) => ["Address", address] as const),
        ...dns.map((server) => ["DNS", server] as const),
        // A bridge that nothing is plugged into yet still has the address that others are to listen on.
        own.bridge !== undefined && ["ConfigureWithoutCarrier", "yes"],
        want.forwarding !== undefined && ["IPForward", want.forwarding === "both" ? "yes" : "ipv4"],
      ],
    ],
    ["DHCPv4", [metric !== undefined && ["RouteMetric", metric]]],
    ...routeSections(name, own, want),
  ]);
}

const routeSections = (name: string, own: Interface, { routes }: Want): readonly Section[] => [
  ...gatewaysOf(own).map((gateway): Section => [
    "Route",
    [
      ["Gateway", gateway],
      own.onLink && ["GatewayOnLink", "yes"],
      own.metric !== undefined && ["Metric", own.metric],
    ],
  ]),
  ...routes
    .filter((route) => route.interface === name)
    .map(({ to, via, metric }): Section => [
      "Route",
      [to !== "default" && ["Destination", to], ["Gateway", via], metric !== undefined && ["Metric", metric]],
    ]),
];

const dhcpWord = ({ dhcp4, dhcp6 }: Interface): string =>
  dhcp4 && dhcp6 ? "yes" : dhcp4 ? "ipv4" : dhcp6 ? "ipv6" : "no";

function netdevText(name: string, { vlan, bridge, bond }: Interface): string {
  const kind = vlan ? "vlan" : bridge ? "bridge" : "bond";
  return textOf([
    [
      "NetDev",
      [
        ["Name", name],
        ["Kind", kind],
      ],
    ],
    ["VLAN", [vlan && ["Id", vlan.id]]],
    [
      "Bridge",
      [
        bridge && ["STP", bridge.stp ? "yes" : "no"],
        // Without the protocol nobody needs to wait until it has found no circle.
        bridge && !bridge.stp && ["ForwardDelaySec", 0],
      ],
    ],
    ["Bond", [bond && ["Mode", bond.mode], bond && ["MIIMonitorSec", "100ms"]]],
  ]);
}
