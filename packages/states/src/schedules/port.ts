/** What functions may ask of the schedules that an agent keeps. */
export interface Schedules {
  list(): readonly ScheduleStatus[];
  /** Runs one now, beside its times; resolves with how that ended. Throws where it runs already, or there is none. */
  run(name: string, signal: AbortSignal): Promise<ScheduleRun>;
}

export interface ScheduleRun {
  /** When it should have begun; by the clock of the master, in milliseconds since 1970. */
  readonly due: number;
  readonly startedAt: number;
  readonly ms: number;
  /** As of a job: `ok`, `changed`, `failed`, `refused`, `timeout`, `cancelled`. */
  readonly status: string;
  readonly comment: string;
}

export interface ScheduleStatus {
  readonly name: string;
  readonly function: string;
  readonly enabled: boolean;
  readonly running: boolean;
  /** Absent where nothing is to come: switched off, or of this boot over. */
  readonly nextDue?: number;
  readonly lastRun?: ScheduleRun;
  /** How many times it was not run when it was due, since it is kept, and the last of these times. */
  readonly missed: number;
  readonly lastMissed?: { readonly due: number; readonly count: number; readonly why: string };
  /** Why it cannot be kept: the agent is older than what it asks for. */
  readonly problem?: string;
}
