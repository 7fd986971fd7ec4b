/** Tokens of the master that let something be destroyed: checked by the agent, each used once. */
import type { Permit } from "@boma/protocol";

export interface PermitsPort {
  /** Throws `permit/refused` unless the master signed it for this node, this action and this time, and it is not spent. */
  open(token: string, action: string): Promise<Permit>;
  /** From now on it is spent, whatever becomes of what it allows. Resolves when that is on the disk. */
  spend(permit: Permit): Promise<void>;
}
