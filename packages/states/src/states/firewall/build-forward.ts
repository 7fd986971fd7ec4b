/**
 * What passes through the machine. Containers have rules of their own for that, so
 * nothing is forbidden but what comes from outside and nobody declared: a drop of ours
 * is final for them, and their accept does not undo it.
 */
import { byVersion } from "./addresses.ts";
import type { Want } from "./parameters.ts";
import { declaredRules, neededRules, sorted } from "./rules.ts";
import type { Chain, Rule } from "./table.ts";

/** Before the rules of Docker and its like. */
const BEFORE_OTHERS = -1;
const SOURCE_NAT = 100;

export function forwardChain(want: Want): Chain {
  const own = want.rules.filter(({ chain }) => chain === "forward").flatMap(declaredRules);
  return {
    name: "forward",
    type: "filter",
    hook: "forward",
    priority: BEFORE_OTHERS,
    policy: "accept",
    rules: [...own, ...(want.nat ? gatewayRules(want, want.nat) : publishedRules(want))],
  };
}

/** Nothing that comes from outside, but ports that were declared. */
const publishedRules = (want: Want): readonly Rule[] => [
  ...declaredPorts(want),
  dropNew(outsideOf(want, []), "nobody declared it"),
];

/** A published port of a container is sent on before `input` sees it: the default deny there does not cover it. */
const declaredPorts = (want: Want): readonly Rule[] =>
  want.needs
    .flatMap((need) => neededRules(need, want, "original"))
    .map((rule): Rule => ({ ...rule, state: ["new"], dnat: true }));

/**
 * Not only what was sent elsewhere on its way in: Docker lets those in, too, who know the address of a container and
 * ask this machine as their router, and in IPv6 without asking what is published.
 */
const dropNew = (iif: readonly string[], note: string): Rule => ({
  iif: sorted(iif),
  state: ["new"],
  verdict: "drop",
  note,
});

/** Every door to somebody who is not this machine: those of containers are in no zone. */
const outsideOf = ({ zones, control }: Want, more: readonly string[]): readonly string[] => [
  ...[zones.public, zones.lan, zones.mesh].flatMap((zone) => zone?.interfaces ?? []),
  ...control.meshInterfaces,
  ...more,
];

/** Out for whom it is meant, back what belongs to it, and nothing else between the two sides; nor into a container. */
function gatewayRules(want: Want, { masquerade }: NonNullable<Want["nat"]>): readonly Rule[] {
  const sides = new Set(masquerade.map(({ iif, oif }) => `${iif} ${oif}`));
  const wan = [...masquerade.map(({ oif }) => oif), ...(want.zones.public?.interfaces ?? [])];
  const inner = outsideOf(
    want,
    masquerade.map(({ iif }) => iif),
  ).filter((name) => !wan.includes(name));
  return [
    { state: ["established", "related"], verdict: "accept" },
    ...masquerade.flatMap(({ iif, oif, from }) =>
      byVersion(from).map((source): Rule => ({
        iif: [iif],
        oif: [oif],
        from: source,
        verdict: "accept",
        note: "nat",
      })),
    ),
    ...[...sides].flatMap((side): readonly Rule[] => {
      const [iif, oif] = side.split(" ") as [string, string];
      return [
        { iif: [oif], oif: [iif], verdict: "drop", note: "nat: nobody comes in" },
        { iif: [iif], oif: [oif], verdict: "drop", note: "nat: for nobody else" },
      ];
    }),
    ...declaredPorts(want),
    dropNew(wan, "nobody declared it"),
    // A network of its own may be sent on elsewhere, by a mesh for one: only what is published is looked at.
    ...(inner.length > 0
      ? [{ ...dropNew(inner, "published, and nobody declared it"), dnat: true } as const]
      : []),
  ];
}

/** By where it comes from as an address: on its way out a packet has no interface any more by which it came. */
export const postroutingChain = ({ masquerade }: NonNullable<Want["nat"]>): Chain => ({
  name: "postrouting",
  type: "nat",
  hook: "postrouting",
  priority: SOURCE_NAT,
  policy: "accept",
  rules: masquerade.flatMap(({ oif, from }) =>
    byVersion(from).map((source): Rule => ({ oif: [oif], from: source, verdict: "masquerade", note: "nat" })),
  ),
});
