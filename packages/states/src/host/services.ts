/** systemd units. */

export interface UnitStatus {
  readonly unit: string;
  readonly description: string;
  readonly load: "loaded" | "not-found" | "masked" | "bad-setting" | "error";
  readonly active: "active" | "inactive" | "activating" | "deactivating" | "failed" | "reloading";
  readonly sub: string;
  /** enabled, disabled, static, indirect, generated, alias, masked, …: systemd's own word; empty when there is none. */
  readonly enabled: string;
  /** `success`, `exit-code`, `signal`, … of the last run. */
  readonly result: string;
  readonly restarts: number;
  readonly mainPid: number;
  /** When the unit became active, in microseconds of the monotonic clock; 0 when it never did. */
  readonly activeSinceUs: number;
  /** systemd's name for this start of the unit: each start, of this boot or another, has its own. Empty where it never started. */
  readonly invocation: string;
  readonly needsDaemonReload: boolean;
  readonly canReload: boolean;
  readonly triggeredBy: readonly string[];
  /** The kind of a service: `simple`, `notify`, `oneshot`, …; empty for other units. */
  readonly type: string;
}

export interface Settling {
  readonly timeoutMs: number;
  /** It must have been active for so long, with no restart; nothing is waited for where it has been already. */
  readonly stableMs?: number | undefined;
}

export interface LogLine {
  readonly atMs: number;
  readonly unit: string;
  readonly priority: number;
  readonly text: string;
}

export interface ReadServices {
  status(unit: string): Promise<UnitStatus>;
  /**
   * Waits until a unit is neither starting nor stopping, and active for long enough if it is active. One that goes
   * on restarting is given back as it was seen last: `activating`, or with more restarts than before.
   */
  settled(unit: string, settling: Settling): Promise<UnitStatus>;
  /** The units that systemd has loaded, by a pattern such as `*.service`. */
  list(pattern?: string): Promise<readonly UnitStatus[]>;
  /** The last lines that a unit has written to the journal, oldest first. */
  logs(unit: string, lines: number): Promise<readonly LogLine[]>;
}

export interface Services extends ReadServices {
  start(unit: string): Promise<void>;
  stop(unit: string): Promise<void>;
  restart(unit: string): Promise<void>;
  reload(unit: string): Promise<void>;
  enable(unit: string): Promise<void>;
  disable(unit: string): Promise<void>;
  mask(unit: string): Promise<void>;
  unmask(unit: string): Promise<void>;
  daemonReload(): Promise<void>;
  resetFailed(unit: string): Promise<void>;
}
