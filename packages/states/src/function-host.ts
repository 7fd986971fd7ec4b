import type { Grains } from "@boma/protocol";

import type { BeaconsPort } from "./beacons/port.ts";
import type { DriftPort } from "./host/drift.ts";
import type { Host } from "./host/host.ts";
import type { MaintenancePort } from "./host/maintenance.ts";
import type { PermitsPort } from "./host/permits.ts";
import type { StagesPort } from "./host/stages.ts";
import type { Schedules } from "./schedules/port.ts";

/** What a running function has: the machine, the agent itself, and the states. */
export interface FunctionHost extends Host {
  readonly grains: {
    /** The grains as they are at this moment. */
    collect(): Promise<Grains>;
  };
  readonly agent: {
    status(): AgentStatus;
  };
  readonly schedules: Schedules;
  readonly beacons: BeaconsPort;
  /** What the node does about its own catalog. */
  readonly drift: DriftPort;
  readonly stages: StagesPort;
  /** What waits for maintenance here, and when it may be done. */
  readonly maintenance: MaintenancePort;
  /** What a token of the master allows once. */
  readonly permits: PermitsPort;
}

export interface AgentStatus {
  readonly id: string;
  readonly version: string;
  readonly node: string;
  readonly pid: number;
  readonly uptimeMs: number;
  readonly rssBytes: number;
  readonly running: readonly { readonly job: string; readonly function: string; readonly ms: number }[];
  readonly queued: number;
  readonly journalBytes: number;
  readonly clockOffsetMs: number;
  readonly confined: boolean;
}
