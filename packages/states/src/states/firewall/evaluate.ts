import type { Version } from "./addresses.ts";
/** What a chain does with a packet, by its rules alone: the kernel is asked whether this is right in test/hosts. */
import { holds } from "./spans.ts";
import type { Chain, ConnectionState, Ports, Rule } from "./table.ts";

export interface Packet {
  readonly version: Version;
  readonly iif?: string | undefined;
  readonly oif?: string | undefined;
  readonly from: bigint;
  readonly to: bigint;
  readonly state: ConnectionState | "untracked";
  readonly dnat?: boolean | undefined;
  readonly proto: "tcp" | "udp" | "icmp" | "other";
  readonly sport?: number | undefined;
  readonly dport?: number | undefined;
  readonly originalPort?: number | undefined;
  readonly icmpType?: number | undefined;
}

export interface Judgement {
  readonly verdict: "accept" | "drop" | "reject";
  /** Whose rule it was; `undefined`: nobody's, it is the chain's policy. */
  readonly by: Rule | undefined;
}

export function evaluate({ rules, policy }: Pick<Chain, "rules" | "policy">, packet: Packet): Judgement {
  for (const rule of rules) {
    const { verdict, perMinute } = rule;
    // A verdict that falls so often and no oftener cannot be relied on; ours have none.
    if (verdict === undefined || verdict === "masquerade" || perMinute !== undefined) continue;
    if (matches(rule, packet)) return { verdict, by: rule };
  }
  return { verdict: policy, by: undefined };
}

function matches({ iif, oif, from, to, state, dnat, ports, icmp }: Rule, packet: Packet): boolean {
  return (
    isOneOf(iif, packet.iif) &&
    isOneOf(oif, packet.oif) &&
    (!from || (from.version === packet.version && holds(from.spans, packet.from))) &&
    (!to || (to.version === packet.version && holds(to.spans, packet.to))) &&
    (!state || (state as readonly string[]).includes(packet.state)) &&
    (!dnat || packet.dnat === true) &&
    (!ports || hasPorts(ports, packet)) &&
    (!icmp || hasType(icmp, packet))
  );
}

const isOneOf = (names: readonly string[] | undefined, name: string | undefined): boolean =>
  !names || (name !== undefined && names.some((one) => isNamed(one, name)));

const isNamed = (pattern: string, name: string): boolean =>
  pattern.endsWith("*") ? name.startsWith(pattern.slice(0, -1)) : pattern === name;

function hasPorts({ proto, from, to, original }: Ports, packet: Packet): boolean {
  const lies = (spans: Ports["to"], port: number | undefined): boolean =>
    !spans || (port !== undefined && holds(spans, BigInt(port)));
  return (
    proto === packet.proto &&
    lies(from, packet.sport) &&
    lies(to, packet.dport) &&
    lies(original && [original], packet.originalPort)
  );
}

const hasType = ({ version, types }: NonNullable<Rule["icmp"]>, packet: Packet): boolean =>
  packet.proto === "icmp" &&
  packet.version === version &&
  packet.icmpType !== undefined &&
  types.includes(packet.icmpType);
