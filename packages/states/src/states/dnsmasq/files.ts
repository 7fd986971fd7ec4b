/** The files of dnsmasq: options that it reads when it starts, and hosts that it reads again on a signal. */
import { ARCHES, type Want } from "./parameters.ts";

export const CONF_DIR = "/etc/dnsmasq.d";
const HOSTS_DIR = "/etc/boma/dnsmasq";

const noteOf = (name: string): string =>
  `# Kept by boma: dnsmasq.config(${name}). Changes made here are undone.\n`;

export const confPath = ({ name }: Pick<Want, "name">): string => `${CONF_DIR}/boma-${name}.conf`;
export const leasesPath = ({ name }: Pick<Want, "name">): string => `${HOSTS_DIR}/${name}.dhcp-hosts`;
/** There while what was written is not read yet. */
export const pendingPath = ({ name }: Pick<Want, "name">): string => `${HOSTS_DIR}/${name}.pending`;
export const namesPath = ({ name }: Pick<Want, "name">): string => `${HOSTS_DIR}/${name}.hosts`;

export function confText(want: Want): string {
  const { name, interfaces, dns, tftp } = want;
  const lines = [
    ...interfaces.map((one) => `interface=${one}`),
    // Interfaces that come later are served as well, and the resolver on the loopback keeps its port.
    "bind-dynamic",
    "except-interface=lo",
    `port=${dns.port}`,
    ...(dns.port === 0 ? [] : dnsLines(want)),
    ...dhcpLines(want),
    ...(tftp ? ["enable-tftp", `tftp-root=${tftp.root}`, ...(tftp.secure ? ["tftp-secure"] : [])] : []),
    ...pxeLines(want),
  ];
  return `${noteOf(name)}${lines.join("\n")}\n`;
}

const dnsLines = (want: Want): readonly string[] => [
  "domain-needed",
  "bogus-priv",
  // What is not said here is not taken from a file that somebody else writes.
  ...(want.dns.upstreams.length > 0 ? ["no-resolv"] : []),
  ...want.dns.upstreams.map((server) => `server=${server}`),
  ...(want.dns.domain === undefined
    ? []
    : [`domain=${want.dns.domain}`, `local=/${want.dns.domain}/`, "expand-hosts"]),
  "no-hosts",
  `addn-hosts=${namesPath(want)}`,
];

function dhcpLines(want: Want): readonly string[] {
  const { dhcp } = want;
  if (!dhcp) return [];
  return [
    ...dhcp.ranges.map(({ interface: name, first, last, netmask, lease }) => {
      const fields = [...(name === undefined ? [] : [`tag:${name}`]), first, last];
      return `dhcp-range=${[...fields, ...(netmask === undefined ? [] : [netmask]), lease].join(",")}`;
    }),
    ...(dhcp.proxy === undefined ? [] : [`dhcp-range=${dhcp.proxy},proxy`]),
    ...(dhcp.router === undefined ? [] : [`dhcp-option=option:router,${dhcp.router}`]),
    ...(dhcp.dns === undefined ? [] : [`dhcp-option=option:dns-server,${dhcp.dns.join(",")}`]),
    ...dhcp.options.map(
      ({ option, value }) =>
        `dhcp-option=${typeof option === "number" ? option : `option:${option}`},${value.join(",")}`,
    ),
    ...(dhcp.authoritative ? ["dhcp-authoritative"] : []),
    `dhcp-hostsfile=${leasesPath(want)}`,
  ];
}

function pxeLines({ pxe }: Want): readonly string[] {
  if (!pxe) return [];
  const server = pxe.server === undefined ? "" : `,,${pxe.server}`;
  return Object.entries(pxe.byArch).flatMap(([arch, file]) => [
    ...ARCHES[arch as keyof typeof ARCHES].map(
      (number) => `dhcp-match=set:${arch},option:client-arch,${number}`,
    ),
    `dhcp-boot=tag:${arch},${file}${server}`,
  ]);
}

export const leasesText = ({ name, dhcp }: Want): string =>
  noteOf(name) +
  (dhcp?.hosts ?? [])
    .map(({ mac, ip, name: host }) => `${[mac, ip, ...(host === undefined ? [] : [host])].join(",")}\n`)
    .join("");

export const namesText = ({ name, dns }: Want): string =>
  noteOf(name) + dns.records.map(({ name: host, ip }) => `${ip} ${host}\n`).join("");
