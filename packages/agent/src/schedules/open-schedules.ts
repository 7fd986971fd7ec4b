/** The schedules of a real node: its clock, its catalog, and its file. */
import { uptime } from "node:os";
import { join } from "node:path";

import type { MasterTime } from "../clock.ts";
import type { CatalogCache } from "../drift/catalog-cache.ts";
import type { NodeStates } from "../states/node-states.ts";
import { cachedRuns } from "./cached-runs.ts";
import { ScheduleFile } from "./schedule-file.ts";
import { NodeSchedules, type SchedulesPorts } from "./schedules.ts";

interface Node extends Omit<SchedulesPorts, "file" | "clock" | "cached" | "wake"> {
  /** The agent's own directory. */
  readonly dir: string;
  readonly durable: boolean;
  readonly time: MasterTime;
  readonly bootId: string;
  readonly cache: CatalogCache;
  readonly states: NodeStates;
}

export const openSchedules = ({ dir, durable, time, bootId, cache, states, ...ports }: Node): NodeSchedules =>
  new NodeSchedules({
    ...ports,
    file: new ScheduleFile(join(dir, "schedules.json"), { durable }),
    clock: { now: () => time.now(), uptimeMs: () => uptime() * 1000, bootId },
    cached: cachedRuns(cache, states),
  });
