/** What a dnsmasq is to do on its networks. */
import { z } from "zod";

const InterfaceName = z.string().regex(/^[A-Za-z][A-Za-z0-9._-]{0,14}$/, "a network interface");
const Name = z
  .string()
  .regex(/^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*$/i, "a host name")
  .max(253);
const Mac = z
  .string()
  .regex(/^([0-9a-f]{2}:){5}[0-9a-f]{2}$/i, "six bytes such as `00:e0:4c:1b:3a:80`")
  .transform((mac) => mac.toLowerCase());
const Lease = z.string().regex(/^([1-9]\d{0,5}[mh]|infinite)$/, "`30m`, `12h` or `infinite`");
/** A comma would begin another field, a line another option. */
const Word = z
  .string()
  .regex(/^[^\s,#"\\\p{C}]{1,255}$/u, "without blanks, commas, `#`, quotes and backslashes");
const FilePath = z.string().regex(/^[\w.@+-][\w.@+/-]{0,250}$/, "a path below the root");

const Range = z.strictObject({
  interface: InterfaceName.optional(),
  first: z.ipv4(),
  last: z.ipv4(),
  netmask: z.ipv4().optional(),
  lease: Lease.default("12h"),
});

const Dhcp = z.strictObject({
  ranges: z.array(Range).max(32).default([]),
  hosts: z
    .array(z.strictObject({ mac: Mac, ip: z.ipv4(), name: Name.optional() }))
    .max(2000)
    .default([]),
  options: z
    .array(
      z.strictObject({
        option: z.union([z.int().min(1).max(254), z.string().regex(/^[a-z0-9-]{1,40}$/)]),
        value: z.array(Word).min(1).max(16),
      }),
    )
    .max(64)
    .default([]),
  router: z.ipv4().optional(),
  dns: z.array(z.ipv4()).max(4).optional(),
  authoritative: z.boolean().default(false),
  proxy: z.ipv4().optional(),
});

const Dns = z.strictObject({
  port: z.union([z.literal(0), z.int().min(1).max(65_535)]).default(53),
  upstreams: z
    .array(z.union([z.ipv4(), z.ipv6()]))
    .max(8)
    .default([]),
  domain: Name.optional(),
  records: z
    .array(z.strictObject({ name: Name, ip: z.union([z.ipv4(), z.ipv6()]) }))
    .max(5000)
    .default([]),
});

/** What a client says it is, as the numbers of RFC 4578 that dnsmasq matches. */
export const ARCHES = {
  bios: [0],
  "efi-ia32": [6],
  "efi-x64": [7, 9],
  "efi-arm32": [10],
  "efi-arm64": [11],
} as const;
type Arch = keyof typeof ARCHES;

export const Params = z
  .strictObject({
    name: z
      .string()
      .regex(/^[a-z0-9][a-z0-9-]{0,40}$/, "small letters, digits and `-`")
      .describe("What it is for; the file is boma-NAME.conf."),
    interfaces: z.array(InterfaceName).min(1).max(16).describe("Where it serves; they may come up later."),
    dhcp: Dhcp.optional().describe(
      "Addresses that it gives out: `ranges`, `hosts` by their MAC, `router`, `dns`, `options`, `authoritative`; `proxy` is a network in which another server gives them out.",
    ),
    dns: Dns.prefault({}).describe(
      "Names: `upstreams`, `domain`, `records`; with `port: 0` none are served.",
    ),
    tftp: z
      .strictObject({
        root: z.string().regex(/^\/[\w.@+/-]{1,250}$/, "an absolute path"),
        secure: z.boolean().default(true),
      })
      .optional()
      .describe("Serve the files below `root`; `secure`: only those that belong to dnsmasq's own user."),
    pxe: z
      .strictObject({
        byArch: z.partialRecord(z.enum(Object.keys(ARCHES) as [Arch, ...Arch[]]), FilePath),
        server: z.ipv4().optional(),
      })
      .optional()
      .describe("The file that a machine boots, by its kind; from `server` where it is not this one."),
    allow: z
      .boolean()
      .default(false)
      .describe("Give out addresses also where the default route is, or where another server answers."),
  })
  .superRefine(({ dhcp, tftp, pxe, interfaces }, context) => {
    const wrong = (message: string, path: string): void =>
      context.addIssue({ code: "custom", message, path: [path] });
    if (pxe && !dhcp) wrong("machines are told what to boot by `dhcp`", "pxe");
    if (pxe && !tftp && pxe.server === undefined)
      wrong("needs `tftp`, or a `server` that has the files", "pxe");
    for (const { interface: name } of dhcp?.ranges ?? [])
      if (name !== undefined && !interfaces.includes(name))
        wrong(`a range is for ${name}, which is not one of the interfaces`, "dhcp");
    const macs = (dhcp?.hosts ?? []).map(({ mac }) => mac);
    if (new Set(macs).size < macs.length) wrong("two hosts have one MAC", "dhcp");
  });
export type Want = z.output<typeof Params>;
