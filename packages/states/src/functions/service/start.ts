import { z } from "zod";

import { defineFunction } from "../../define-function.ts";
import { shown, ShownStatus } from "../../states/service/shown-status.ts";
import { assertDone, existing, starting, UnitName } from "../../states/service/unit.ts";

export default defineFunction({
  name: "service.start",
  summary: "Starts a unit, and proves that it stays up or, a oneshot, did its work.",
  params: z.strictObject({ unit: UnitName }),
  positional: ["unit"],
  result: ShownStatus,
  effect: "write",
  onRestart: "fail",
  timeoutMs: 10 * 60_000,
  examples: ["boma-master run web01 service.start nginx"],
  async run({ unit }, { host: { services } }) {
    await existing(services, unit);
    await starting(services, unit, () => services.start(unit));
    return shown(await assertDone(services, unit));
  },
  outcome: () => "changed",
});
