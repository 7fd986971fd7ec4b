/** What is said of a firewall. */
import { parseDuration } from "@boma/protocol";
import { z } from "zod";

import { OwnedNeed, PortNumber, PortRange } from "../../catalog/needs.ts";
import { Duration } from "../pkg/parameters.ts";

const Address = z.union(
  [z.ipv4(), z.ipv6()],
  "an address: a name would be looked up before there is a network",
);
const Network = z.union(
  [z.ipv4(), z.ipv6(), z.cidrv4(), z.cidrv6()],
  "an address or a network such as `10.0.0.0/8`",
);
const Networks = z.array(Network).max(500);
const Interface = z
  .string()
  .regex(/^[A-Za-z0-9_.:@-]{1,15}\*?$/, "an interface such as `eth0`, or a star at the end: `wt*`");
const Interfaces = z.array(Interface).max(50);

const Zone = z
  .strictObject({ interfaces: Interfaces.min(1).optional(), from: Networks.min(1).optional() })
  .refine(({ interfaces, from }) => (interfaces ?? from) !== undefined, "`interfaces`, `from`, or both");
export type Zone = z.output<typeof Zone>;

const BreakGlass = z.strictObject({
  interface: Interface.optional(),
  from: Networks.min(1),
  port: PortNumber,
});

const Control = z.strictObject({
  bus: z.strictObject({ addresses: z.array(Address).min(1).max(50), port: PortNumber }).optional(),
  sshFrom: Networks,
  sshPort: PortNumber.default(22),
  meshInterfaces: Interfaces.default([]),
  breakGlass: BreakGlass.optional(),
});

const Rule = z
  .strictObject({
    name: z.string().regex(/^[a-z0-9][a-z0-9-]{0,40}$/, "small letters, digits and `-`"),
    chain: z.enum(["input", "output", "forward"]).default("input"),
    action: z.enum(["accept", "drop", "reject"]),
    proto: z.enum(["tcp", "udp"]).optional(),
    ports: z
      .array(z.union([PortNumber, PortRange]))
      .min(1)
      .max(200)
      .optional(),
    from: Networks.min(1).optional(),
    to: Networks.min(1).optional(),
    in: Interfaces.min(1).optional(),
    out: Interfaces.min(1).optional(),
  })
  .refine(
    ({ proto, ports }) => (proto === undefined) === (ports === undefined),
    "`proto` and `ports` go together",
  )
  .refine(({ chain, in: iif }) => chain !== "output" || !iif, "what goes out came in nowhere: no `in`")
  .refine(({ chain, out }) => chain !== "input" || !out, "what comes in goes out nowhere: no `out`");
export type DeclaredRule = z.output<typeof Rule>;

const Output = z.strictObject({
  policy: z.enum(["accept", "drop"]).default("drop"),
  resolvers: z.array(Address).max(20).default([]),
  timeServers: z.array(Address).max(50).default([]),
});

const Masquerade = z.strictObject({ iif: Interface, oif: Interface, from: Networks.min(1) });

const WITHIN_MS_MIN = 5_000;
const WITHIN_MS_MAX = 10 * 60_000;

export const shape = {
  name: z.literal("node").describe("Always `node`: a machine has one firewall of boma's."),
  control: Control.describe(
    "The ways to the machine that stay open whatever else is said: the bus, SSH from `sshFrom` and over `meshInterfaces`, and `breakGlass`.",
  ),
  zones: z
    .strictObject({ mesh: Zone.optional(), lan: Zone.optional(), public: Zone.optional() })
    .default({})
    .describe("Which interfaces and networks are the mesh, the local networks, and the rest of the world."),
  ping: z.boolean().default(true).describe("Whether it answers pings."),
  rules: z
    .array(Rule)
    .max(500)
    .default([])
    .describe(
      "Rules of your own, in order, before those that declarations need; the first that fits decides.",
    ),
  needs: z
    .array(OwnedNeed)
    .max(5000)
    .default([])
    .describe("What the other declarations of the node need; it is gathered when the catalog is compiled."),
  output: Output.optional().describe(
    "What the machine may send; all, where it is not said. With `drop` the bus must be named in `control`.",
  ),
  forward: z
    .enum(["none", "published-only", "nat"])
    .default("none")
    .describe(
      "What passes through: not looked at, ports of containers only where they are declared, or a gateway for `nat`.",
    ),
  nat: z
    .strictObject({ masquerade: z.array(Masquerade).min(1).max(50) })
    .optional()
    .describe("Which networks go out under the machine's own address: from `iif` by way of `oif`."),
  log: z
    .strictObject({
      prefix: z
        .string()
        .regex(/^[A-Za-z0-9 :_-]{1,60}$/, "letters, digits, blanks, `:`, `_` and `-`")
        .default("boma drop: "),
      perMinute: z.int().min(1).max(6000).default(10),
    })
    .optional()
    .describe("Write to the kernel's log what is not let in, so often a minute at most."),
  ufw: z
    .enum(["refuse", "migrate"])
    .default("refuse")
    .describe("Where ufw is at work: change nothing and say what it lets in, or take its place."),
  confirmWithin: Duration.refine((text) => {
    const ms = parseDuration(text);
    return ms >= WITHIN_MS_MIN && ms <= WITHIN_MS_MAX;
  }, "between 5s and 10m")
    .default("60s")
    .describe("How long the agent has to reach the master anew before a change is taken back."),
};

const Shape = z.strictObject(shape);
export type Want = z.output<typeof Shape>;

/** What does not go together, by the parameter that is wrong. */
export function contradictions({
  output,
  forward,
  nat,
  zones,
  rules,
  control,
}: Want): readonly [string, string][] {
  const chains = new Set(rules.map(({ chain }) => chain));
  return [
    ...(chains.has("output") && !output ? [["rules", "a rule for `output` needs `output`"]] : []),
    ...(chains.has("forward") && forward === "none"
      ? [["rules", "a rule for `forward` needs `forward`"]]
      : []),
    ...(forward === "published-only" && !zones.public?.interfaces
      ? [["forward", "`published-only` keeps out what comes from `zones.public.interfaces`: name them"]]
      : []),
    ...((forward === "nat") !== (nat !== undefined)
      ? [["nat", '`nat` and `forward: "nat"` go together']]
      : []),
    ...(output?.policy === "drop" && !control.bus
      ? [
          [
            "control",
            "with `output` at `drop` the agent would never reach its master again: say `control.bus`",
          ],
        ]
      : []),
  ] as [string, string][];
}
