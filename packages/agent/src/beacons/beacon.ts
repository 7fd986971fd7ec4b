/** What a beacon is: it looks at one thing of the machine, and says how it is. When that is told is not its concern. */
import type { BeaconLevel, EventData } from "@boma/protocol";
import type { BeaconKind, BeaconParams } from "@boma/states/core";

import type { BeaconWorld } from "./world.ts";

/** What the event says beside the beacon's name and its level. */
export type Sight<K extends BeaconKind> = Omit<EventData<K>, "beacon" | "level">;

export interface Eyes<K extends BeaconKind> {
  /** How that which lasts is now. */
  is(bad: boolean, sight: Sight<K>): void;
  /** Something that is over at once. What happens again and again to the same thing is told as such. */
  happened(what: string, sight: Sight<K>): void;
  /** Why nothing is seen at present; `undefined` when it is. */
  blind(why: string | undefined): void;
}

export interface Beacon<K extends BeaconKind = BeaconKind> {
  readonly kind: K;
  /** Looks until it is stopped. What it throws ends it, and it is begun anew later. */
  start(params: BeaconParams<K>, eyes: Eyes<K>, world: BeaconWorld): () => void;
}

/** Where all kinds are alike. */
export interface AnyBeacon {
  readonly kind: BeaconKind;
  start(params: never, eyes: never, world: BeaconWorld): () => void;
}

export const defineBeacon = <K extends BeaconKind>(beacon: Beacon<K>): Beacon<K> => beacon;

export type Level = BeaconLevel;
