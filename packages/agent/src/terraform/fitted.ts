/** As much of a plan as a result has room for: first its values go, and then the last of its changes. */
import { pack, RESULT_BYTES_MAX } from "@boma/protocol";
import type { ResourceChange } from "@boma/states/core";

/** The rest of the result needs some as well. */
const BYTES_MAX = RESULT_BYTES_MAX / 2;

export function fitted(changes: readonly ResourceChange[]): {
  readonly changes: ResourceChange[];
  readonly more: number;
} {
  let room = BYTES_MAX;
  const told: ResourceChange[] = [];
  for (const change of changes) {
    const whole = pack(change).length;
    const bare = { ...change, attributes: {} };
    const kept = whole <= room / 2 ? change : bare;
    room -= kept === change ? whole : pack(bare).length;
    if (room < 0) break;
    told.push(kept);
  }
  return { changes: told, more: changes.length - told.length };
}
