/** What can be said of sshd, as parameters, and as the text of its drop-in. */
import { z } from "zod";

import { EXPOSURES, PortNumber } from "../../catalog/needs.ts";
import { NOTE } from "../owned-file.ts";
import { KeyText } from "./public-key.ts";

export const CA_FILE = "/etc/ssh/boma-user-ca.pub";
export const CERTIFICATE_FILE = "/etc/ssh/boma-host-cert.pub";

const Pattern = z.string().regex(/^[^\s"'#\\]{1,200}$/, "a name or a pattern, without blanks or quotes");
const Algorithm = z
  .string()
  .regex(/^[a-z0-9@.-]{1,100}$/i, "the whole name of an algorithm: no `+`, `-`, `*`");
const Algorithms = z.array(Algorithm).min(1).max(50);
const Value = z
  .string()
  .min(1)
  .max(2000)
  .regex(/^[^\r\n\0]*$/, "one line");
const Address = z.union([z.ipv4(), z.ipv6()]);
const Network = z.union([Address, z.cidrv4(), z.cidrv6()]);

export const Login = z.strictObject({
  /** As whom. */
  user: z.string().regex(/^[a-z_][a-z0-9_-]{0,31}$/, "a user's name"),
  /** From which address: one, for patterns and blocks of sshd are about one. */
  from: Address,
  /** With this key; with any that is there, where it is not said. */
  key: KeyText.optional(),
});
export type Login = z.output<typeof Login>;

/** What has a parameter of its own, or would change where the rest belongs. */
const NOT_EXTRA: readonly string[] = ["include", "match"];

const typed = {
  passwords: z
    .boolean()
    .default(false)
    .describe("Whether a password lets anybody in, also one that PAM asks for."),
  permitRootLogin: z
    .enum(["no", "prohibit-password", "yes"])
    .default("no")
    .describe("Whether root logs in: not at all, with a key only, or with a password too."),
  allowUsers: z.array(Pattern).max(200).optional().describe("Only these users, or `user@network`."),
  allowGroups: z.array(Pattern).max(200).optional().describe("Only the members of these groups."),
  maxAuthTries: z.int().min(1).max(100).default(4).describe("Attempts in one connection."),
  loginGraceSeconds: z.int().min(5).max(600).default(30).describe("The time to log in, in seconds."),
  clientAliveInterval: z
    .int()
    .min(0)
    .max(86_400)
    .optional()
    .describe("Seconds until a silent client is asked."),
  clientAliveCountMax: z
    .int()
    .min(1)
    .max(1000)
    .optional()
    .describe("How often it may leave that unanswered."),
  x11Forwarding: z.boolean().default(false).describe("Whether windows are carried through."),
  tcpForwarding: z
    .enum(["no", "local", "remote", "yes"])
    .default("yes")
    .describe("Whether connections are carried through."),
  agentForwarding: z.boolean().default(true).describe("Whether the client's agent is carried through."),
  ciphers: Algorithms.optional().describe("Ciphers, the best first; each must be known to the machine."),
  macs: Algorithms.optional().describe("Message authentication, the best first."),
  kexAlgorithms: Algorithms.optional().describe("Key exchange, the best first."),
  hostKeyAlgorithms: Algorithms.optional().describe("Algorithms with which the machine shows who it is."),
  pubkeyAcceptedAlgorithms: Algorithms.optional().describe("Algorithms with which users show who they are."),
};

export const params = z.strictObject({
  name: z.literal("node").describe("There is one sshd for a node, and this is its name."),
  port: PortNumber.default(22).describe("Where it listens."),
  also: z
    .array(PortNumber)
    .max(5)
    .default([])
    .describe("Further ports, such as the one of before until nobody uses it any more."),
  addresses: z.array(Address).max(20).optional().describe("Only at these addresses of the machine."),
  exposure: z.enum(EXPOSURES).default("lan").describe("Who is let through to it by a firewall of boma."),
  from: z.array(Network).max(200).optional().describe("Only these networks are let through."),
  ...typed,
  trustedCa: z.array(KeyText).min(1).max(20).optional().describe("Keys whose certificates let users in."),
  hostCertificate: z
    .string()
    .regex(
      /^\S+-cert-v01@openssh\.com [A-Za-z0-9+/=]+( [^\r\n]*)?\n?$/,
      "the one line of a file such as key-cert.pub",
    )
    .optional()
    .describe("A certificate for one of the keys that the machine has."),
  extra: z
    .record(
      z.string().regex(/^[A-Za-z0-9]{2,60}$/, "a keyword of sshd_config"),
      z.union([Value, z.array(Value).min(1).max(100)]),
    )
    .default({})
    .describe("Any other keyword of sshd_config; a list is one line for each."),
  must: z
    .array(Login)
    .max(50)
    .default([])
    .describe("Who must be able to log in, `{ user, from, key }`: it is proved before anything changes."),
  matches: z
    .enum(["refuse", "leave"])
    .default("refuse")
    .describe("What to do where a Match block of another file says otherwise: refuse, or leave it as it is."),
});
export type Want = z.output<typeof params>;

/** A keyword that has a parameter of its own must not be said twice. */
export function doubleExtra(want: Want): readonly string[] {
  const own = new Set([...ownRows(want).map(([keyword]) => keyword.toLowerCase()), ...NOT_EXTRA]);
  return Object.keys(want.extra).filter((keyword) => own.has(keyword.toLowerCase()));
}

type Row = readonly [keyword: string, value: string];

export const portsOf = ({ port, also }: Want): readonly number[] => [...new Set([port, ...also])];

const yes = (value: boolean): string => (value ? "yes" : "no");

function ownRows(want: Want): Row[] {
  const rows: [string, readonly (string | number)[] | string | number | undefined][] = [
    ["Port", portsOf(want)],
    ["ListenAddress", want.addresses],
    ["PubkeyAuthentication", "yes"],
    ["PasswordAuthentication", yes(want.passwords)],
    ["KbdInteractiveAuthentication", yes(want.passwords)],
    ["PermitEmptyPasswords", "no"],
    ["PermitRootLogin", want.permitRootLogin],
    ["AllowUsers", want.allowUsers],
    ["AllowGroups", want.allowGroups],
    ["MaxAuthTries", want.maxAuthTries],
    ["LoginGraceTime", want.loginGraceSeconds],
    ["ClientAliveInterval", want.clientAliveInterval],
    ["ClientAliveCountMax", want.clientAliveCountMax],
    ["X11Forwarding", yes(want.x11Forwarding)],
    ["AllowTcpForwarding", want.tcpForwarding],
    ["AllowAgentForwarding", yes(want.agentForwarding)],
    ["Ciphers", want.ciphers?.join(",")],
    ["MACs", want.macs?.join(",")],
    ["KexAlgorithms", want.kexAlgorithms?.join(",")],
    ["HostKeyAlgorithms", want.hostKeyAlgorithms?.join(",")],
    ["PubkeyAcceptedAlgorithms", want.pubkeyAcceptedAlgorithms?.join(",")],
    ["TrustedUserCAKeys", want.trustedCa && CA_FILE],
    ["HostCertificate", want.hostCertificate && CERTIFICATE_FILE],
  ];
  return rows.flatMap(([keyword, value]) => linesOf(keyword, value));
}

const linesOf = (keyword: string, value: readonly (string | number)[] | string | number | undefined): Row[] =>
  (value === undefined ? [] : [value].flat()).map((one) => [keyword, String(one)] as const);

const rowsOf = (want: Want): readonly Row[] => [
  ...ownRows(want),
  ...Object.entries(want.extra).flatMap(([keyword, value]) => linesOf(keyword, value)),
];

export const textOf = (want: Want): string =>
  NOTE +
  rowsOf(want)
    .map(([keyword, value]) => `${keyword} ${value}\n`)
    .join("");

/** The keywords that it sets, in small letters, as sshd prints them. */
export const keywordsOf = (want: Want): readonly string[] => [
  ...new Set(rowsOf(want).map(([keyword]) => keyword.toLowerCase())),
];
