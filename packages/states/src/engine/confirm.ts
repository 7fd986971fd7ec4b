/** Changes that may cut the node off: taken back unless it is reached anew. */
import type { Changes } from "../changes.ts";
import { readHost } from "../host/host.ts";
import type { Confirmation } from "./options.ts";
import { make, type Step } from "./step.ts";

/** Whether nobody can confirm a change that should be confirmed: without a master there is nobody to reach. */
export const isUnconfirmed = (confirm: Confirmation | undefined, { confirm: wants }: Step["spec"]): boolean =>
  wants !== undefined && confirm === undefined;

export async function makeConfirmed(
  confirm: Confirmation | undefined,
  id: string,
  step: Step,
  changes: Changes,
): Promise<void> {
  const { spec, want, ports } = step;
  if (!spec.confirm || !confirm) return make(step, changes);
  const undo = await spec.confirm.undo(want as never, readHost(ports));
  // From here on it is taken back by itself, also when this process is gone.
  const { withinMs } = spec.confirm;
  const armed = await confirm.arm(
    id,
    undo,
    typeof withinMs === "number" ? withinMs : withinMs(want as never),
  );
  try {
    await make(step, changes);
  } catch (thrown) {
    await armed.revert();
    throw thrown;
  }
  await armed.prove();
}
