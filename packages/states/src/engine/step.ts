/**
 * The one path for plan and apply: check, and where it is meant, apply exactly
 * what check found, and check again. A state that is not so afterwards failed.
 */
import { BomaError } from "@boma/protocol";

import { type Changes, inSync } from "../changes.ts";
import { type Ports, readHost, writeHost } from "../host/host.ts";
import type { AnySpec } from "../state-spec.ts";
import { foundBy } from "./found.ts";

export interface Step {
  readonly spec: AnySpec;
  /** The parameters as the schema gives them, secrets in their places. */
  readonly want: Readonly<Record<string, unknown>>;
  readonly ports: Ports;
}

export const check = async ({ spec, want, ports }: Step): Promise<Changes> =>
  foundBy(spec.name, await spec.check(want as never, readHost(ports)));

/** Makes these changes, and proves that they were made. */
export async function make(step: Step, changes: Changes): Promise<void> {
  const { spec, want, ports } = step;
  await spec.apply(changes, want as never, writeHost(ports));
  if (canTell(spec, want)) await assertConverged(step);
  await spec.verify?.(want as never, readHost(ports));
}

/** Whether it can be known afterwards that it is so. */
export const canTell = ({ converges }: AnySpec, want: Step["want"]): boolean =>
  typeof converges === "function" ? converges(want) : converges !== false;

async function assertConverged(step: Step): Promise<void> {
  const left = await check(step);
  if (inSync(left)) return;
  throw new BomaError(
    "state/not-converged",
    `${step.spec.name} was applied, and these still differ: ${Object.keys(left).join(", ")}`,
  );
}
