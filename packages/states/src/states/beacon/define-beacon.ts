/** All beacons are kept alike: a duty of the agent, by the id of the declaration. */
import type { z } from "zod";

import type { BEACONS, BeaconKind } from "../../beacons/params.ts";
import { diff } from "../../changes.ts";
import { defineState, type State } from "../../define-state.ts";
import type { Name, Params, StateSpec } from "../../state-spec.ts";

type Spec<P extends Params, N extends Name<P>> = StateSpec<P, N, Record<string, unknown>, never>;

export function defineBeacon<K extends BeaconKind, N extends Name<(typeof BEACONS)[K]>>(
  beacon: Pick<Spec<(typeof BEACONS)[K], N>, "summary" | "key" | "params" | "examples"> & {
    readonly name: K;
  },
): State<(typeof BEACONS)[K], N, Record<string, unknown>, never> {
  type Want = z.output<(typeof BEACONS)[K]>;
  const { name, key } = beacon;
  const keyOf = (want: Want): string => String((want as Record<string, unknown>)[key]);
  const idOf = (want: Want): string => `${name}(${keyOf(want)})`;
  const spec: Spec<(typeof BEACONS)[K], N> = {
    ...beacon,
    // It is kept among the agent's own things, which are in its home.
    confinable: true,
    claims: (want) => [`beacon:${name.slice("beacon.".length)}/${keyOf(want)}`],
    async check(want, { duties }) {
      const held = await duties.get(idOf(want));
      const params: Record<string, unknown> | undefined = held?.kind === name ? held.params : undefined;
      // A parameter that is not wanted any more differs as well.
      const over = Object.keys(params ?? {}).filter((one) => !(one in want));
      const wanted: Record<string, unknown> = { ...want };
      return {
        ...diff(params, wanted),
        ...Object.fromEntries(over.map((one) => [one, { from: params?.[one], to: null }])),
      };
    },
    async apply(_, want, { duties }) {
      await duties.set(idOf(want), { kind: name, params: want });
    },
  };
  return defineState(spec);
}
