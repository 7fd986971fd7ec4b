/** A step looks, does what is missing, and looks again: done twice it is done once, and killed anywhere it is taken up. */
import { setTimeout as sleep } from "node:timers/promises";

import { BomaError } from "@boma/protocol";

export interface Step {
  readonly name: string;
  /** What is not as it should be, in words; undefined where nothing is. */
  readonly look: () => Promise<string | undefined>;
  readonly do: () => Promise<void>;
  /** What it does takes effect only after a while. */
  readonly waitMs?: number;
}

export interface StepEnd {
  readonly step: string;
  readonly result: "ok" | "changed";
  /** What was missing. */
  readonly why?: string;
}

const LOOK_AGAIN_MS = 300;

export async function runStep(step: Step): Promise<StepEnd> {
  const why = await step.look();
  if (why === undefined) return { step: step.name, result: "ok" };
  await step.do();
  const left = await lookUntil(step);
  if (left !== undefined) throw new BomaError("bootstrap/step", `${step.name}: ${left}`);
  return { step: step.name, result: "changed", why };
}

async function lookUntil({ look, waitMs = 0 }: Step): Promise<string | undefined> {
  const end = performance.now() + waitMs;
  for (;;) {
    const left = await look();
    if (left === undefined || performance.now() >= end) return left;
    await sleep(LOOK_AGAIN_MS);
  }
}
