/** What an agent does by itself, beside jobs: its beacons and its schedules, by the declaration that asked for them. */
export interface Duty {
  /** The state, such as `beacon.disk` or `schedule.job`. */
  readonly kind: string;
  /** What that state was given, its defaults filled in. */
  readonly params: Readonly<Record<string, unknown>>;
}

export interface ReadDuties {
  /** By the id of its declaration: `beacon.disk(/var)`. */
  get(id: string): Promise<Duty | undefined>;
}

export interface Duties extends ReadDuties {
  /** From now on, also after a restart. */
  set(id: string, duty: Duty): Promise<void>;
  remove(id: string): Promise<void>;
}
