/** What functions may ask of the beacons of an agent. */
export interface BeaconsPort {
  list(): readonly BeaconStatus[];
}

export interface BeaconStatus {
  /** The declaration that asked for it. */
  readonly beacon: string;
  readonly level: "raised" | "clear" | "flapping";
  /** By the agent's clock, in milliseconds since 1970. */
  readonly since: number;
  /** Why it sees nothing, where that is so. */
  readonly problem?: string;
}
