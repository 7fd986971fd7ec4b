/**
 * What must get through, whatever the rules say: proved of the rules as they
 * are, before anything is sent to a node. A rule of one's own that stands in
 * the way of the control path is an error that names both.
 */
import { everywhere, networkOf, type Version } from "./addresses.ts";
import type { Addresses } from "./addresses.ts";
import { tableOf } from "./build.ts";
import { evaluate, type Packet } from "./evaluate.ts";
import type { Want } from "./parameters.ts";
import { samples, type Span } from "./spans.ts";
import type { Chain, Rule } from "./table.ts";

const ND_TYPES = [2, 134, 135, 136];
const SOME_PORT = 50_000;

/** Packets that must all get through: from any address of these, by any interface where none is named. */
interface Flow {
  readonly name: string;
  readonly hook: "input" | "output";
  readonly version: Version;
  readonly from?: Span;
  readonly to?: Span;
  readonly interfaces?: readonly string[];
  readonly packet: Pick<Packet, "proto" | "state"> & Partial<Packet>;
}

/** The flows that these rules do not let through, each with what stands in its way. */
export function lockedOut(want: Want): readonly string[] {
  const table = tableOf(want);
  return flowsOf(want).flatMap((flow) => {
    const chain = table.find(({ hook }) => hook === flow.hook);
    const by = chain && obstacleIn(chain, flow);
    return by === undefined ? [] : [`${flow.name} would not get through: ${by}`];
  });
}

function obstacleIn(chain: Chain, flow: Flow): string | undefined {
  for (const packet of packetsOf(flow, chain.rules)) {
    const { verdict, by } = evaluate(chain, packet);
    if (verdict !== "accept")
      return by ? `${by.note ?? "a rule"} has it as ${verdict}` : "no rule accepts it";
  }
  return undefined;
}

/** One for each case that the rules tell apart. */
function packetsOf(flow: Flow, rules: readonly Rule[]): readonly Packet[] {
  const { hook, version, interfaces, packet } = flow;
  const at = (side: "from" | "to"): readonly bigint[] =>
    samples(flow[side] ?? everywhere(version), spansOf(rules, side, version));
  const door = hook === "input" ? "iif" : "oif";
  const names = interfaces ?? namesIn(rules, door);
  return at("from").flatMap((from) =>
    at("to").flatMap((to) => names.map((name) => ({ version, from, to, ...packet, [door]: name }))),
  );
}

const spansOf = (rules: readonly Rule[], side: "from" | "to", version: Version): (readonly Span[])[] =>
  rules.flatMap(({ [side]: addresses }: { [K in "from" | "to"]?: Addresses | undefined }) =>
    addresses?.version === version ? [addresses.spans] : [],
  );

/** Every interface of which a rule speaks, and one of which none does. */
const namesIn = (rules: readonly Rule[], door: "iif" | "oif"): readonly string[] => [
  ...new Set(rules.flatMap((rule) => rule[door] ?? []).map((name) => name.replace(/\*$/, "0"))),
  "(another)",
];

const flowsOf = (want: Want): readonly Flow[] => [
  ...([4, 6] as const).flatMap((version) => [
    ...commonFlows("input", version),
    ...commonFlows("output", version),
  ]),
  ...waysIn(want.control),
  ...(want.output?.policy === "drop" ? waysOut(want.control, want.output) : []),
];

function commonFlows(hook: "input" | "output", version: Version): readonly Flow[] {
  const to = { proto: "tcp", sport: SOME_PORT, dport: SOME_PORT } as const;
  const [server, client] = version === 4 ? [67, 68] : [547, 546];
  const [sport, dport] = hook === "input" ? [server, client] : [client, server];
  const inAndOut = hook === "input" ? "" : ", outgoing";
  const linkLocal = version === 6 ? { from: networkOf("fe80::/10").span } : {};
  return [
    { name: `loopback${inAndOut}`, hook, version, interfaces: ["lo"], packet: { ...to, state: "new" } },
    {
      name: `what belongs to a connection${inAndOut}`,
      hook,
      version,
      packet: { ...to, state: "established" },
    },
    {
      name: `DHCP of IPv${version}${inAndOut}`,
      hook,
      version,
      ...linkLocal,
      packet: { proto: "udp", sport, dport, state: "new" },
    },
    ...(version === 4 ? [] : ND_TYPES).map((icmpType): Flow => {
      const name = `ICMPv6 type ${icmpType}${inAndOut}`;
      return { name, hook, version, packet: { proto: "icmp", icmpType, state: "untracked" } };
    }),
  ];
}

function waysIn({ sshFrom, sshPort, meshInterfaces, breakGlass }: Want["control"]): readonly Flow[] {
  const tcp = (dport: number) => ({ proto: "tcp", state: "new", sport: SOME_PORT, dport }) as const;
  const from = (name: string, network: string, port: number): Flow => {
    const { version, span } = networkOf(network);
    return { name: `${name} from ${network}`, hook: "input", version, from: span, packet: tcp(port) };
  };
  const door = breakGlass?.interface === undefined ? {} : { interfaces: [starless(breakGlass.interface)] };
  return [
    ...sshFrom.map((network) => from("SSH", network, sshPort)),
    ...meshInterfaces.flatMap((name) =>
      ([4, 6] as const).map((version): Flow => ({
        name: `SSH over ${name}`,
        hook: "input",
        version,
        interfaces: [starless(name)],
        packet: tcp(sshPort),
      })),
    ),
    ...(breakGlass?.from ?? []).map((network) => ({
      ...from("break glass", network, breakGlass!.port),
      ...door,
    })),
  ];
}

const starless = (name: string): string => name.replace(/\*$/, "0");

function waysOut({ bus }: Want["control"], { resolvers, timeServers }: NonNullable<Want["output"]>): Flow[] {
  const to = (name: string, address: string, proto: "tcp" | "udp", dport: number): Flow => {
    const { version, span } = networkOf(address);
    const packet = { proto, dport, sport: SOME_PORT, state: "new" } as const;
    return { name: `${name} at ${address}`, hook: "output", version, to: span, packet };
  };
  return [
    ...(bus?.addresses ?? []).map((address) => to("the bus", address, "tcp", bus!.port)),
    ...resolvers.map((address) => to("the resolver", address, "udp", 53)),
    ...timeServers.map((address) => to("the time server", address, "udp", 123)),
  ];
}
