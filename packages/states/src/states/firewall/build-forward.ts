/**
 * What passes through the machine. Containers have rules of their own for that, so
 * nothing is forbidden but what is named here: a drop of ours would be final for
 * them, and their accept does not undo it.
 */
import { byVersion } from "./addresses.ts";
import type { Want } from "./parameters.ts";
import { declaredRules, neededRules } from "./rules.ts";
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
    rules: [...own, ...(want.nat ? gatewayRules(want.nat) : publishedRules(want))],
  };
}

/** A published port of a container is sent on before `input` sees it: the default deny there does not cover it. */
const publishedRules = (want: Want): readonly Rule[] => [
  ...want.needs
    .flatMap((need) => neededRules(need, want, "original"))
    .map((rule): Rule => ({ ...rule, state: ["new"], dnat: true })),
  {
    iif: [...want.zones.public!.interfaces!].sort(),
    state: ["new"],
    dnat: true,
    verdict: "drop",
    note: "published ports that nobody declared",
  },
];

/** Out for whom it is meant, back what belongs to it, and nothing else between the two sides. */
function gatewayRules({ masquerade }: NonNullable<Want["nat"]>): readonly Rule[] {
  const sides = new Set(masquerade.map(({ iif, oif }) => `${iif} ${oif}`));
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
