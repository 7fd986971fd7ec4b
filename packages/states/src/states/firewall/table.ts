/**
 * What is known of a table of nftables: chains of rules with the few kinds of
 * matches that ours are made of. From it come the text that nft loads, the
 * comparison with what the kernel has, and the proof that it locks nobody out.
 */
import type { Addresses } from "./addresses.ts";
import { spanText } from "./addresses.ts";
import type { Span } from "./spans.ts";

export const FAMILY = "inet";
export const TABLE = "boma";

export type Hook = "input" | "output" | "forward" | "postrouting";
export type ConnectionState = "established" | "related" | "new" | "invalid";
export type Verdict = "accept" | "drop" | "reject" | "masquerade";

export interface Rule {
  /** Names of interfaces; one may end with a star. Never numbers: an interface may not be there yet. */
  readonly iif?: readonly string[] | undefined;
  readonly oif?: readonly string[] | undefined;
  readonly from?: Addresses | undefined;
  readonly to?: Addresses | undefined;
  readonly state?: readonly ConnectionState[] | undefined;
  /** Only what was sent elsewhere on its way in, as for a published port of a container. */
  readonly dnat?: true | undefined;
  readonly ports?: Ports | undefined;
  readonly icmp?: { readonly version: 4 | 6; readonly types: readonly number[] } | undefined;
  /** At most so often, where it is not a verdict that has to fall every time. */
  readonly perMinute?: number | undefined;
  readonly log?: string | undefined;
  readonly verdict?: Verdict | undefined;
  /** Who asked for it. */
  readonly note?: string | undefined;
}

export interface Ports {
  readonly proto: "tcp" | "udp";
  readonly from?: readonly Span[] | undefined;
  readonly to?: readonly Span[] | undefined;
  /** The port that was asked for before it was sent elsewhere. */
  readonly original?: Span | undefined;
}

export interface Chain {
  readonly name: string;
  readonly type: "filter" | "nat";
  readonly hook: Hook;
  readonly priority: number;
  readonly policy: "accept" | "drop";
  readonly rules: readonly Rule[];
}

export type Table = readonly Chain[];

export const BURST = 5;
/** IP's own numbers for what is in a packet: a small Debian has no file with their names. */
export const PROTOCOLS = { tcp: 6, udp: 17 } as const;

/** One line for each chain and each rule: what people see as a difference, and what the kernel's is compared with. */
export const linesOf = (table: Table): readonly string[] =>
  table.flatMap((chain) => [headOf(chain), ...chain.rules.map((rule) => `${chain.name}: ${ruleText(rule)}`)]);

export const headOf = ({ name, type, hook, priority, policy }: Omit<Chain, "rules">): string =>
  `${name}: type ${type} hook ${hook} priority ${priority}; policy ${policy};`;

/** What `nft -f` loads at once or not at all: our table as it should be, whatever it was, and no other. */
export const fileText = (table: Table, notes: readonly string[] = []): string =>
  [
    ...notes.map((note) => `# ${note}`),
    ...replacing(
      `table ${FAMILY} ${TABLE} {\n${table
        .map(
          ({ name, rules, ...head }) =>
            `  chain ${name} {\n    ${headOf({ name, ...head }).slice(name.length + 2)}\n${rules
              .map((rule) => `    ${ruleText(rule)}\n`)
              .join("")}  }\n`,
        )
        .join("")}}`,
    ),
    "",
  ].join("\n");

/** `add` so that `delete` finds one; an old nft has no word for both. */
export const replacing = (text: string): readonly string[] => [
  `add table ${FAMILY} ${TABLE}`,
  `delete table ${FAMILY} ${TABLE}`,
  text,
];

export function ruleText(rule: Rule): string {
  const { iif, oif, from, to, state, dnat, ports, icmp, perMinute, log, verdict, note } = rule;
  return [
    iif && `iifname ${setOf(iif.map(quoted))}`,
    oif && `oifname ${setOf(oif.map(quoted))}`,
    from && `${protocolOf(from)} saddr ${addressSet(from)}`,
    to && `${protocolOf(to)} daddr ${addressSet(to)}`,
    state && `ct state ${state.join(",")}`,
    dnat && "ct status dnat",
    ...(ports ? portTexts(ports) : []),
    icmp && `${icmp.version === 4 ? "icmp" : "icmpv6"} type ${setOf(icmp.types.map(String))}`,
    perMinute !== undefined && `limit rate ${perMinute}/minute burst ${BURST} packets`,
    log !== undefined && `log prefix ${quoted(log)}`,
    verdict,
    note !== undefined && `comment ${quoted(note)}`,
  ]
    .filter((part) => typeof part === "string")
    .join(" ");
}

const portTexts = ({ proto, from, to, original }: Ports): readonly (string | undefined)[] => [
  from && `${proto} sport ${setOf(from.map(portText))}`,
  to && `${proto} dport ${setOf(to.map(portText))}`,
  // One port or range: nft 1.0.6 cannot read back a set of these that it lists itself.
  original && `meta l4proto ${PROTOCOLS[proto]} ct original proto-dst ${portText(original)}`,
];

const portText = ([first, last]: Span): string => (first === last ? `${first}` : `${first}-${last}`);
const protocolOf = ({ version }: Addresses): string => (version === 4 ? "ip" : "ip6");
const addressSet = ({ version, spans }: Addresses): string =>
  setOf(spans.map((span) => spanText(version, span)));
const setOf = (members: readonly string[]): string =>
  members.length === 1 ? members[0]! : `{ ${members.join(", ")} }`;
const quoted = (text: string): string => `"${text}"`;
