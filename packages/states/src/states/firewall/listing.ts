/**
 * What the kernel has, as `nft -n -j list table` tells it, in the lines in which
 * our own table is written. What is not of ours stays visible as a line that is
 * like none of ours. Handles, counters and the order within sets do not count.
 */
import { BomaError } from "@boma/protocol";

import { type Addresses, addressOf, networkOf, type Version } from "./addresses.ts";
import { type Span, union } from "./spans.ts";
import {
  BURST,
  type ConnectionState,
  headOf,
  PROTOCOLS,
  type Rule,
  ruleText,
  type Verdict,
} from "./table.ts";

type Json = Readonly<Record<string, unknown>>;
type Proto = keyof typeof PROTOCOLS;

/** A rule in the pieces in which nft lists it; no piece may be there twice. */
interface Pieces extends Omit<Rule, "ports" | "note"> {
  readonly sport?: PortPiece;
  readonly dport?: PortPiece;
  readonly original?: Span;
  readonly l4proto?: Proto;
}
interface PortPiece {
  readonly proto: Proto;
  readonly spans: readonly Span[];
}

/** Numbers with `-n`, and names as well, for other releases of nft may not take it so exactly. */
const STATES: Readonly<Record<string, ConnectionState>> = {
  1: "invalid",
  2: "established",
  4: "related",
  8: "new",
  invalid: "invalid",
  established: "established",
  related: "related",
  new: "new",
};
const STATE_ORDER: readonly ConnectionState[] = ["established", "related", "new", "invalid"];
const DNAT: readonly unknown[] = [32, "dnat"];
const VERDICTS: readonly string[] = ["accept", "drop", "reject", "masquerade"];

/** Throws where it is no listing at all. */
export function linesIn(listing: string): readonly string[] {
  const objects = objectsIn(listing);
  const of = (kind: string): readonly Json[] =>
    objects.flatMap((object) => (object[kind] ? [object[kind] as Json] : []));
  const rules = of("rule");
  const others = objects.filter(
    (object) => !["metainfo", "table", "chain", "rule"].some((known) => known in object),
  );
  return [
    ...of("chain").flatMap((chain) => [
      chainLine(chain),
      ...rules.filter((rule) => rule["chain"] === chain["name"]).map(ruleLine),
    ]),
    ...others.map(foreign),
  ];
}

function objectsIn(listing: string): readonly Json[] {
  try {
    const { nftables } = JSON.parse(listing) as { nftables?: unknown };
    if (Array.isArray(nftables)) return nftables as readonly Json[];
  } catch {
    // Said below.
  }
  throw new BomaError("state/unsupported", "nft did not list its table as JSON", {
    hint: "`nft -n -j list table inet boma` shows what it says.",
  });
}

const foreign = (what: unknown): string => `(not of boma: ${JSON.stringify(what)})`;

function chainLine({ name, type, hook, prio, policy }: Json): string {
  return headOf({ name, type, hook, priority: prio, policy } as never);
}

function ruleLine({ chain, expr, comment }: Json): string {
  const pieces = (expr as readonly Json[]).map(pieceOf);
  const rule = pieces.includes(undefined) ? undefined : ruleOf(pieces as readonly Pieces[]);
  const text = rule ? ruleText({ ...rule, note: comment as string | undefined }) : foreign([expr, comment]);
  return `${String(chain)}: ${text}`;
}

/** `undefined` where the pieces do not make a rule such as ours are. */
function ruleOf(pieces: readonly Pieces[]): Rule | undefined {
  const names = pieces.flatMap((piece) => Object.keys(piece));
  if (new Set(names).size < names.length) return undefined;
  const { sport, dport, original, l4proto, ...rest }: Pieces = Object.assign({}, ...pieces);
  const protos = new Set([sport?.proto, dport?.proto, l4proto].filter((proto) => proto !== undefined));
  if (protos.size > 1 || (l4proto === undefined) !== (original === undefined)) return undefined;
  const [proto] = protos;
  if (!proto) return rest;
  return { ...rest, ports: { proto, from: sport?.spans, to: dport?.spans, original } };
}

function pieceOf(expression: Json): Pieces | undefined {
  const [[kind, value]] = Object.entries(expression) as [[string, never]];
  if (kind === "counter") return {};
  if (kind === "match") return matchOf(value);
  if (kind === "limit") return limitOf(value);
  if (kind === "log") return isSame(Object.keys(value), ["prefix"]) ? { log: value["prefix"] } : undefined;
  const isPlain = value === null || (kind === "reject" && isDefaultReject(value));
  return VERDICTS.includes(kind) && isPlain ? { verdict: kind as Verdict } : undefined;
}

const isSame = (left: readonly string[], right: readonly string[]): boolean =>
  left.length === right.length && left.every((one) => right.includes(one));

/** "Port unreachable", in the numbers of the version that the rule speaks of, or of both. */
const UNREACHABLE: Readonly<Record<string, number>> = { icmp: 3, icmpv6: 4, icmpx: 1 };

const isDefaultReject = ({ type, expr }: Json): boolean =>
  UNREACHABLE[String(type)] !== undefined &&
  (expr === "port-unreachable" || expr === UNREACHABLE[String(type)]);

function limitOf({ rate, burst, per, ...rest }: Json): Pieces | undefined {
  // Releases of nft tell, or do not, what is the default anyway.
  const isPlain = Object.entries(rest).every(([, value]) => value === false || value === "packets");
  return isPlain && per === "minute" && burst === BURST ? { perMinute: rate as number } : undefined;
}

interface Match {
  readonly op: string;
  readonly left: Json;
  readonly right: unknown;
}

function matchOf({ op, left, right }: Match): Pieces | undefined {
  if (op !== "==" && op !== "in") return undefined;
  const { meta, ct, payload } = left as Readonly<Record<string, Json | undefined>>;
  if (meta) return metaMatch(meta, right);
  if (ct) return connectionMatch(ct, right);
  return payload && packetMatch(payload, right);
}

function metaMatch({ key }: Json, right: unknown): Pieces | undefined {
  if (key === "iifname") return { iif: namesIn(right) };
  if (key === "oifname") return { oif: namesIn(right) };
  if (key !== "l4proto") return undefined;
  const proto = (Object.keys(PROTOCOLS) as Proto[]).find(
    (name) => right === name || right === PROTOCOLS[name],
  );
  return proto && { l4proto: proto };
}

function connectionMatch({ key, dir }: Json, right: unknown): Pieces | undefined {
  if (key === "status") return DNAT.includes(right) ? { dnat: true } : undefined;
  if (key === "proto-dst" && dir === "original") {
    const [span, ...more] = portsIn(right) ?? [];
    return span && more.length === 0 ? { original: span } : undefined;
  }
  if (key !== "state") return undefined;
  const states = membersOf(right).map((one) => STATES[String(one)]);
  return states.includes(undefined)
    ? undefined
    : { state: STATE_ORDER.filter((state) => states.includes(state)) };
}

function packetMatch({ protocol, field }: Json, right: unknown): Pieces | undefined {
  if (protocol === "ip" || protocol === "ip6") {
    const addresses = addressesIn(protocol === "ip" ? 4 : 6, right);
    if (field === "saddr") return addresses && { from: addresses };
    return field === "daddr" ? addresses && { to: addresses } : undefined;
  }
  if (protocol === "tcp" || protocol === "udp") {
    const spans = portsIn(right);
    if (field === "sport") return spans && { sport: { proto: protocol, spans } };
    return field === "dport" ? spans && { dport: { proto: protocol, spans } } : undefined;
  }
  if ((protocol !== "icmp" && protocol !== "icmpv6") || field !== "type") return undefined;
  const types = membersOf(right);
  if (!types.every((type) => typeof type === "number")) return undefined;
  return { icmp: { version: protocol === "icmp" ? 4 : 6, types: types.toSorted((a, b) => a - b) } };
}

/** A set, the flags of a field, or the one value that there is. */
function membersOf(right: unknown): readonly unknown[] {
  if (Array.isArray(right)) return right as readonly unknown[];
  const { set } = (right ?? {}) as { set?: readonly unknown[] };
  return set ?? [right];
}

const namesIn = (right: unknown): readonly string[] => membersOf(right).map(String).toSorted();

/** Every member as a range; `undefined` where one is none. */
function spansIn(right: unknown, spanOf: (member: unknown) => Span | undefined): readonly Span[] | undefined {
  const spans = membersOf(right).map(spanOf);
  return spans.includes(undefined) ? undefined : union(spans as readonly Span[]);
}

const rangeOf = (member: unknown): readonly [unknown, unknown] | undefined =>
  (member as { range?: readonly [unknown, unknown] } | null)?.range;

const portsIn = (right: unknown): readonly Span[] | undefined =>
  spansIn(right, (member) => {
    const [first, last] = rangeOf(member) ?? [member, member];
    return typeof first === "number" && typeof last === "number" ? [BigInt(first), BigInt(last)] : undefined;
  });

function addressesIn(version: Version, right: unknown): Addresses | undefined {
  const spans = spansIn(right, (member) => {
    const { prefix } = (member ?? {}) as { prefix?: { addr: string; len: number } };
    if (prefix) return networkOf(`${prefix.addr}/${prefix.len}`).span;
    const ends = rangeOf(member) ?? [member, member];
    if (!ends.every((end) => typeof end === "string" && /^[\da-f.:]+$/i.test(end))) return undefined;
    return [addressOf(String(ends[0])).value, addressOf(String(ends[1])).value];
  });
  return spans && { version, spans };
}
