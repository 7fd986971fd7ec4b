/** The stages of a node: what of its catalog comes up together, and what is held down. */
import { z } from "zod";

import type { RunReport } from "../engine/report.ts";
import { STAGES, type Stage } from "../stages.ts";

export const StageInfo = z.strictObject({
  stage: z.enum(STAGES),
  /** What it stands on, of all its declarations together. */
  awaits: z.array(z.enum(STAGES)),
  declarations: z.array(z.string()),
  /** It was stopped, and the agent leaves it so until it is started. */
  held: z.boolean(),
});
export type StageInfo = z.output<typeof StageInfo>;

export const StageStop = z.strictObject({
  stage: z.enum(STAGES),
  units: z.array(z.strictObject({ unit: z.string(), was: z.string(), ms: z.number() })),
});
export type StageStop = z.output<typeof StageStop>;

export interface StagesPort {
  /** From the ground up; none where the node keeps no catalog. */
  list(): Promise<readonly StageInfo[]>;
  /** Makes what belongs to the stage as the catalog says, gates included. */
  start(stage: Stage, signal: AbortSignal): Promise<RunReport>;
  /** Stops the units of the stage, the last one first, and keeps the agent from starting them again. */
  stop(stage: Stage, signal: AbortSignal): Promise<StageStop>;
}
