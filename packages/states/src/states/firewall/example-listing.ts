/** How `nft -n -j list table` tells a table of ours: for machines of memory, and against what real ones said in tests. */
import { spanText } from "./addresses.ts";
import type { Span } from "./spans.ts";
import { BURST, type Chain, PROTOCOLS, type Rule, type Table } from "./table.ts";

const STATES = { invalid: 1, established: 2, related: 4, new: 8 } as const;
const DNAT = 32;
const ours = { family: "inet", table: "boma" };

export function listingOf(table: Table): string {
  const chains = table.map(({ name, type, hook, priority, policy }) => ({
    chain: { ...ours, name, handle: 1, type, hook, prio: priority, policy },
  }));
  const rules = table.flatMap(({ name, rules: own }: Chain) =>
    own.map((rule, at) => ({
      rule: {
        ...ours,
        chain: name,
        handle: at + 2,
        ...(rule.note !== undefined && { comment: rule.note }),
        expr: expressionsOf(rule),
      },
    })),
  );
  const head = [{ metainfo: { version: "1.0.6" } }, { table: { family: "inet", name: "boma", handle: 1 } }];
  return JSON.stringify({ nftables: [...head, ...chains, ...rules] });
}

const match = (left: object, right: unknown, op = "=="): object => ({ match: { op, left, right } });
const setOf = (members: readonly unknown[]): unknown =>
  members.length === 1 ? members[0] : { set: members };
const flagsOf = (members: readonly unknown[]): unknown => (members.length === 1 ? members[0] : members);
const portOf = ([first, last]: Span): unknown =>
  first === last ? Number(first) : { range: [Number(first), Number(last)] };

function expressionsOf(rule: Rule): readonly object[] {
  const { iif, oif, state, dnat, perMinute, log, verdict, icmp } = rule;
  const protocol = icmp?.version === 4 ? "icmp" : "icmpv6";
  return [
    iif && match({ meta: { key: "iifname" } }, setOf(iif)),
    oif && match({ meta: { key: "oifname" } }, setOf(oif)),
    ...addressMatches(rule),
    state && match({ ct: { key: "state" } }, flagsOf(state.map((one) => STATES[one])), "in"),
    dnat && match({ ct: { key: "status" } }, DNAT, "in"),
    ...portMatches(rule),
    icmp && match({ payload: { protocol, field: "type" } }, setOf(icmp.types)),
    perMinute !== undefined && { limit: { rate: perMinute, burst: BURST, per: "minute" } },
    log !== undefined && { log: { prefix: log } },
    verdict && { [verdict]: verdict === "reject" ? { type: "icmpx", expr: "port-unreachable" } : null },
  ].filter((expression) => typeof expression === "object");
}

const addressMatches = ({ from, to }: Rule): readonly object[] =>
  Object.entries({ saddr: from, daddr: to }).flatMap(([field, addresses]) => {
    if (!addresses) return [];
    const protocol = addresses.version === 4 ? "ip" : "ip6";
    const members = addresses.spans.map((span) => {
      const [text, length] = spanText(addresses.version, span).split("/") as [string, string?];
      if (length !== undefined) return { prefix: { addr: text, len: Number(length) } };
      return text.includes("-") ? { range: text.split("-") } : text;
    });
    return [match({ payload: { protocol, field } }, setOf(members))];
  });

function portMatches({ ports }: Rule): readonly object[] {
  if (!ports) return [];
  const { proto: protocol, from, to, original } = ports;
  const sides = Object.entries({ sport: from, dport: to }).flatMap(([field, spans]) =>
    spans ? [match({ payload: { protocol, field } }, setOf(spans.map(portOf)))] : [],
  );
  if (!original) return sides;
  return [
    ...sides,
    match({ meta: { key: "l4proto" } }, PROTOCOLS[protocol]),
    match({ ct: { key: "proto-dst", dir: "original" } }, portOf(original)),
  ];
}
