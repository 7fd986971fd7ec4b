/** Goes through the stages of a fleet, each as soon as all that it waits for is done; what waits for a failure is held back. */
import type { Stage } from "@boma/states/core";

import type { FleetStage } from "./fleet-stages.ts";

export interface NodeEnd {
  readonly status: string;
  readonly value?: unknown;
  readonly error?: { readonly code: string; readonly message: string } | undefined;
  readonly ms?: number | undefined;
}

export interface StageEnd {
  readonly stage: Stage;
  readonly state: "done" | "failed" | "held";
  /** The stages that kept it back. */
  readonly heldBy: readonly Stage[];
  readonly job?: string | undefined;
  readonly ms: number;
  readonly nodes: Readonly<Record<string, NodeEnd>>;
}

/** One job for all nodes of a stage, to its end. */
export type Act = (
  stage: FleetStage,
) => Promise<{ readonly job: string | undefined; readonly nodes: Readonly<Record<string, NodeEnd>> }>;

const DONE: ReadonlySet<string> = new Set(["ok", "changed"]);

export async function goThrough(
  stages: readonly FleetStage[],
  act: Act,
  told: (end: StageEnd) => void,
): Promise<readonly StageEnd[]> {
  const ends = new Map<Stage, Promise<StageEnd>>();
  for (const one of stages) {
    const before = one.awaits.map((stage) => ends.get(stage)!);
    const end = Promise.all(before).then((done) => ended(one, done, act));
    ends.set(
      one.stage,
      end.then((value) => {
        told(value);
        return value;
      }),
    );
  }
  return Promise.all(ends.values());
}

async function ended(one: FleetStage, before: readonly StageEnd[], act: Act): Promise<StageEnd> {
  const { stage } = one;
  const heldBy = before.filter(({ state }) => state !== "done").map((end) => end.stage);
  if (heldBy.length > 0) return { stage, state: "held", heldBy, ms: 0, nodes: {} };
  const began = performance.now();
  const { job, nodes } = await act(one);
  const state = Object.values(nodes).every(({ status }) => DONE.has(status)) ? "done" : "failed";
  return { stage, state, heldBy, job, ms: Math.round(performance.now() - began), nodes };
}
