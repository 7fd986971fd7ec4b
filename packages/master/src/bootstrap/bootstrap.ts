/**
 * A clean machine becomes the first server: the master with its bus, itself as a node with a profile, and the boot
 * service. The same command again changes nothing, and completes what one that was killed began.
 */
import { bootSteps } from "./boot-steps.ts";
import { applyProfile, type Applied } from "./converge.ts";
import { masterSteps } from "./master-steps.ts";
import { nodeSteps } from "./node-steps.ts";
import { onlyOne, preflight } from "./preflight.ts";
import type { Settings } from "./settings.ts";
import { runStep, type Step, type StepEnd } from "./steps.ts";

export interface Bootstrapped {
  readonly steps: readonly StepEnd[];
  readonly applied: Applied;
  /** Everything that was not as it should be: of the steps, and of the profile's declarations. */
  readonly changes: number;
}

export interface Telling {
  /** Whether the apply prints to the terminal. */
  readonly live: boolean;
  readonly onStep: (end: StepEnd) => void;
  readonly onApply: () => void;
}

export async function bootstrap(settings: Settings, telling: Telling): Promise<Bootstrapped> {
  using _lock = await onlyOne();
  await using staged = await preflight(settings);
  const steps: StepEnd[] = [];
  const go = async (some: readonly Step[]): Promise<void> => {
    for (const step of some) {
      const end = await runStep(step);
      steps.push(end);
      telling.onStep(end);
    }
  };
  await go([...(staged ? [staged.step()] : []), ...masterSteps(settings), ...nodeSteps(settings)]);
  telling.onApply();
  const applied = await applyProfile(settings.id, telling.live);
  // Also where a declaration failed: a Vault that waits for people to open it is no reason to boot nobody.
  await go(bootSteps(settings));
  const changes = steps.filter(({ result }) => result === "changed").length + applied.changed;
  return { steps, applied, changes };
}
