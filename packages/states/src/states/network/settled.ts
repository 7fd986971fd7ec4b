/** Waits until what runs is what is declared, and stays so. */
import { setTimeout as pause } from "node:timers/promises";

import { BomaError } from "@boma/protocol";

import type { ReadHost } from "../../host/host.ts";
import { liveChanges, readLive } from "./live.ts";
import type { Want } from "./parameters.ts";

const SETTLE_MS_MAX = 30_000;
const LOOK_MS = 200;
/**
 * `networkctl reconfigure` comes back before networkd has begun: it takes an interface's addresses away after that, and
 * gives it its own again. What looks right at once may be what was there before.
 */
const LOOKS = 3;

export async function settled(want: Want, host: ReadHost): Promise<void> {
  const endsAt = performance.now() + SETTLE_MS_MAX;
  for (let good = 0; ;) {
    const [first] = Object.entries(liveChanges(want, await readLive(host)));
    good = first ? 0 : good + 1;
    if (good === LOOKS) return;
    if (first && performance.now() >= endsAt) {
      const [what, { from, to }] = first;
      throw new BomaError(
        "state/not-converged",
        `${what}: ${from} after ${SETTLE_MS_MAX / 1000} s, not ${to}`,
        { hint: "`networkctl status` and `journalctl -u systemd-networkd` say more." },
      );
    }
    await pause(LOOK_MS);
  }
}
