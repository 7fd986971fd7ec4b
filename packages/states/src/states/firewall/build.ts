/** From what is said of a firewall to the table that does it. */
import { byVersion } from "./addresses.ts";
import { forwardChain, postroutingChain } from "./build-forward.ts";
import type { Want } from "./parameters.ts";
import { declaredRules, neededRules, sorted } from "./rules.ts";
import { portSpan } from "./spans.ts";
import type { Chain, Ports, Rule, Table } from "./table.ts";

/** Errors that must come through, or connections hang: too big, unreachable, out of time. */
const ERRORS_4 = [3, 11, 12];
const ERRORS_6 = [1, 2, 3, 4];
/** IPv6 finds routers and neighbours with these; without them it is dead within a minute. */
const NEIGHBOURS_6 = [130, 131, 132, 133, 134, 135, 136, 143];
const PING_4 = 8;
const PING_6 = 128;

export const tableOf = (want: Want): Table => [
  inputChain(want),
  ...(want.output ? [outputChain(want)] : []),
  ...(want.forward === "none" ? [] : [forwardChain(want)]),
  ...(want.nat ? [postroutingChain(want.nat)] : []),
];

/** What is loaded at boot where the table itself cannot be: nothing but the ways in for those who repair it. */
export const safeTableOf = (want: Want): Table =>
  tableOf({ ...want, rules: [], needs: [], log: undefined, ...withoutGateway(want) });

/** Nobody is sent on, and so nobody comes to a container: the sides of a gateway are outside as well. */
function withoutGateway({ forward, nat, zones }: Want): Pick<Want, "forward" | "nat" | "zones"> {
  if (!nat) return { forward, nat, zones };
  const sides = nat.masquerade.flatMap(({ iif, oif }) => [iif, oif]);
  const interfaces = [...new Set([...sides, ...(zones.public?.interfaces ?? [])])];
  return { forward: "published-only", nat: undefined, zones: { ...zones, public: { interfaces } } };
}

function inputChain(want: Want): Chain {
  const { ping, rules, control, needs, log } = want;
  return {
    name: "input",
    type: "filter",
    hook: "input",
    priority: 0,
    policy: "drop",
    rules: [
      { iif: ["lo"], verdict: "accept", note: "this machine itself" },
      ...icmpRules(ping),
      { state: ["established", "related"], verdict: "accept" },
      { state: ["invalid"], verdict: "drop" },
      ...dhcpRules("in"),
      ...rules.filter(({ chain }) => chain === "input").flatMap(declaredRules),
      ...controlRules(control),
      ...needs.flatMap((need) => neededRules(need, want, "to")),
      ...(log ? [{ perMinute: log.perMinute, log: log.prefix }] : []),
    ],
  };
}

function outputChain({ output, rules, control }: Want): Chain {
  const { policy = "accept", resolvers = [], timeServers = [] } = output ?? {};
  const bus = control.bus && toPort(control.bus.addresses, "tcp", control.bus.port, "control: the bus");
  const resolving = (["udp", "tcp"] as const).flatMap((proto) => toPort(resolvers, proto, 53, "resolvers"));
  return {
    name: "output",
    type: "filter",
    hook: "output",
    priority: 0,
    policy,
    rules: [
      { oif: ["lo"], verdict: "accept", note: "this machine itself" },
      ...icmpRules(true),
      { state: ["established", "related"], verdict: "accept" },
      ...dhcpRules("out"),
      ...rules.filter(({ chain }) => chain === "output").flatMap(declaredRules),
      ...(bus ?? []),
      ...resolving,
      ...toPort(timeServers, "udp", 123, "time servers"),
    ],
  };
}

/** Before anything that looks at connections: neighbour discovery belongs to none. */
const icmpRules = (ping: boolean): readonly Rule[] => [
  {
    icmp: { version: 6, types: [...ERRORS_6, ...(ping ? [PING_6] : []), ...NEIGHBOURS_6] },
    verdict: "accept",
  },
  {
    icmp: { version: 4, types: [...ERRORS_4, ...(ping ? [PING_4] : [])].sort((a, b) => a - b) },
    verdict: "accept",
  },
];

/** An answer to a question that was sent to everybody belongs to no connection. */
function dhcpRules(direction: "in" | "out"): readonly Rule[] {
  const ports = (server: number, client: number): Ports => {
    const [from, to] = direction === "in" ? [server, client] : [client, server];
    return { proto: "udp", from: [portSpan(from)], to: [portSpan(to)] };
  };
  return [
    { ports: ports(67, 68), verdict: "accept", note: "DHCP" },
    { from: byVersion(["fe80::/10"])[0], ports: ports(547, 546), verdict: "accept", note: "DHCP" },
  ];
}

function controlRules({ sshFrom, sshPort, meshInterfaces, breakGlass }: Want["control"]): readonly Rule[] {
  const ssh: Ports = { proto: "tcp", to: [portSpan(sshPort)] };
  return [
    ...byVersion(sshFrom).map((from): Rule => ({
      from,
      ports: ssh,
      verdict: "accept",
      note: "control: SSH",
    })),
    ...(meshInterfaces.length > 0
      ? [{ iif: sorted(meshInterfaces), ports: ssh, verdict: "accept", note: "control: SSH, mesh" } as const]
      : []),
    ...(breakGlass ? byVersion(breakGlass.from) : []).map((from): Rule => ({
      ...(breakGlass!.interface !== undefined && { iif: [breakGlass!.interface] }),
      from,
      ports: { proto: "tcp", to: [portSpan(breakGlass!.port)] },
      verdict: "accept",
      note: "control: break glass",
    })),
  ];
}

const toPort = (
  addresses: readonly string[],
  proto: "tcp" | "udp",
  port: number,
  note: string,
): readonly Rule[] =>
  byVersion(addresses).map((to) => ({ to, ports: { proto, to: [portSpan(port)] }, verdict: "accept", note }));
