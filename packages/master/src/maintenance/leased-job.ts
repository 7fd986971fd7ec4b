/** What must be so before a job may hold a lease, or may be asked for at all by whoever asks. */
import { BomaError } from "@boma/protocol";
import type { AnyFunction } from "@boma/states/core";

/** Which lease a job needs, if it needs one. */
export function leaseOf(
  spec: Pick<AnyFunction, "name" | "lease">,
  args: Readonly<Record<string, unknown>>,
  asked: { readonly nodes: number; readonly test: boolean; readonly waitMs?: number | undefined },
): string | undefined {
  if (!spec.lease || asked.test) return undefined;
  if (asked.nodes !== 1)
    throw new BomaError(
      "lease/one-node",
      `${spec.name} is done on one node at a time, and this target means ${asked.nodes}`,
    );
  if ((asked.waitMs ?? 0) > 0)
    throw new BomaError("lease/one-node", `${spec.name} does not wait for a node that is away`, {
      hint: "Leave `--expire` away; run it when the node is there.",
    });
  return spec.lease(args);
}

export function assertAttended({ name, attended }: AnyFunction, byReactor: boolean): void {
  if (!attended || !byReactor) return;
  throw new BomaError("operator/denied", `a reactor may not run ${name}: only a person may ask for it`);
}
