/**
 * The configuration of the boot LAN's dnsmasq: DHCP alone, with the loaders that
 * each kind of machine wants. As a proxy it gives out no addresses, and names the
 * loader beside a site's own DHCP server.
 */
import { isIPv4 } from "node:net";

import { BomaError } from "@boma/protocol";

export interface DhcpOptions {
  readonly mode: "proxy" | "full";
  readonly interface: string;
  /** The boot service's own address on the boot LAN. */
  readonly address: string;
  readonly httpPort: number;
  /** Of mode full: the first and the last address that is given out. */
  readonly range?: readonly [string, string] | undefined;
  readonly netmask: string;
  /** Who leads out of the LAN, where somebody does. */
  readonly router?: string | undefined;
  readonly leaseFile: string;
}

const LEASE = "10m";

/** Client architectures of RFC 4578, and the loader of each that comes without HTTP. */
const LOADERS = [
  { arch: [0], tag: "bios", file: "undionly.kpxe" },
  { arch: [7, 9], tag: "efi64", file: "snponly.efi" },
  { arch: [11], tag: "arm64", file: "snponly-arm64.efi" },
] as const;
/** Firmware that fetches over HTTP by itself. */
const HTTP_LOADERS = [
  { arch: 16, tag: "efihttp", file: "ipxe.efi" },
  { arch: 19, tag: "armhttp", file: "ipxe-arm64.efi" },
] as const;

/** Which addresses are Raspberry Pis'. */
const PI_ADDRESSES = ["b8:27:eb", "dc:a6:32", "e4:5f:01", "d8:3a:dd", "28:cd:c1", "2c:cf:67"] as const;

export function dnsmasqConfig(options: DhcpOptions): string {
  const { mode, address, httpPort, leaseFile } = options;
  assertFits(options);
  const url = `http://${address}:${httpPort}`;
  return [
    "# Written by boma-master netboot serve; what is changed here is lost.",
    "port=0",
    `interface=${options.interface}`,
    "bind-dynamic",
    "except-interface=lo",
    "log-dhcp",
    "no-ping",
    "no-resolv",
    `dhcp-leasefile=${leaseFile}`,
    ...(mode === "proxy" ? [`dhcp-range=${address},proxy,${options.netmask}`] : fullLines(options)),
    "dhcp-userclass=set:ipxe,iPXE",
    ...LOADERS.flatMap(({ arch, tag }) =>
      arch.map((one) => `dhcp-match=set:${tag},option:client-arch,${one}`),
    ),
    ...HTTP_LOADERS.map(({ arch, tag }) => `dhcp-match=set:${tag},option:client-arch,${arch}`),
    ...PI_ADDRESSES.map((prefix) => `dhcp-mac=set:pi,${prefix}:*:*:*`),
    // A Pi looks for these words, and takes who says them for its server.
    'dhcp-option-force=tag:pi,43,"Raspberry Pi Boot"',
    `dhcp-option-force=tag:pi,66,${address}`,
    `dhcp-boot=tag:ipxe,${url}/boot.ipxe`,
    ...LOADERS.map(({ tag, file }) => `dhcp-boot=tag:!ipxe,tag:${tag},${file},,${address}`),
    ...HTTP_LOADERS.flatMap(({ tag, file }) => [
      `dhcp-boot=tag:!ipxe,tag:${tag},${url}/${file}`,
      `dhcp-option-force=tag:${tag},60,HTTPClient`,
    ]),
    // A ROM asks a proxy for a menu, and takes the only entry of it without waiting.
    ...(mode === "proxy" ? proxyLines(url) : []),
    "",
  ].join("\n");
}

function fullLines({ range, netmask, router }: DhcpOptions): string[] {
  return [
    `dhcp-range=${range![0]},${range![1]},${netmask},${LEASE}`,
    "dhcp-authoritative",
    "dhcp-rapid-commit",
    // Without this option a machine would take us for its way out.
    router === undefined ? "dhcp-option=option:router" : `dhcp-option=option:router,${router}`,
  ];
}

const proxyLines = (url: string): string[] => [
  "pxe-prompt=boma,0",
  "pxe-service=tag:!ipxe,x86PC,boma,undionly.kpxe",
  "pxe-service=tag:!ipxe,X86-64_EFI,boma,snponly.efi",
  "pxe-service=tag:!ipxe,BC_EFI,boma,snponly.efi",
  "pxe-service=tag:!ipxe,ARM64_EFI,boma,snponly-arm64.efi",
  `pxe-service=tag:ipxe,x86PC,boma,${url}/boot.ipxe`,
  `pxe-service=tag:ipxe,X86-64_EFI,boma,${url}/boot.ipxe`,
];

/** Each stands in a line of its own: one that held a line's end would write another. */
function assertFits({ mode, range, router, ...options }: DhcpOptions): void {
  if (!/^[a-zA-Z0-9][\w.-]{0,14}$/.test(options.interface))
    throw unfit(`--interface ${JSON.stringify(options.interface)} is no name of an interface`);
  for (const address of [options.address, options.netmask, ...(range ?? []), ...(router ? [router] : [])])
    if (!isIPv4(address)) throw unfit(`${JSON.stringify(address)} is no IPv4 address`);
  if (mode === "proxy") return;
  if (!range) throw unfit("DHCP in full needs to know which addresses it may give out: --range FIRST,LAST");
  const [first, last, own, mask] = [...range, options.address, options.netmask].map(numberOf) as Four;
  if (first > last) throw unfit(`--range ${range.join(",")} ends before it begins`);
  for (const [at, text] of [
    [first, range[0]],
    [last, range[1]],
  ] as const)
    if ((at & mask) >>> 0 !== (own & mask) >>> 0)
      throw unfit(`${text} is not in the network of ${options.address}, whose mask is ${options.netmask}`);
  if (own >= first && own <= last)
    throw unfit(`--range ${range.join(",")} holds ${options.address}, which is the boot service's own`);
}

type Four = [number, number, number, number];
const numberOf = (address: string): number =>
  address.split(".").reduce((sum, part) => sum * 256 + Number(part), 0);

const unfit = (message: string): BomaError => new BomaError("usage/argument", message);
