import { z } from "zod";

import { defineFunction } from "../../define-function.ts";
import { shown, ShownStatus } from "../../states/service/shown-status.ts";
import { assertDone, existing, starting, UnitName } from "../../states/service/unit.ts";

export default defineFunction({
  name: "service.restart",
  summary: "Restarts a unit, and proves that it stays up or, a oneshot, did its work.",
  params: z.strictObject({ unit: UnitName }),
  positional: ["unit"],
  result: ShownStatus,
  effect: "write",
  onRestart: "fail",
  timeoutMs: 10 * 60_000,
  examples: ["boma-master run web01 service.restart nginx"],
  async run({ unit }, { host: { services } }) {
    const { needsDaemonReload } = await existing(services, unit);
    if (needsDaemonReload) await services.daemonReload();
    await starting(services, unit, () => services.restart(unit));
    return shown(await assertDone(services, unit));
  },
  outcome: () => "changed",
});
