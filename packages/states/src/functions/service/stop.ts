import { z } from "zod";

import { defineFunction } from "../../define-function.ts";
import { shown, ShownStatus } from "../../states/service/shown-status.ts";
import { existing, settledOf, UnitName } from "../../states/service/unit.ts";

export default defineFunction({
  name: "service.stop",
  summary: "Stops a unit; a socket or timer of it may start it again.",
  params: z.strictObject({ unit: UnitName }),
  positional: ["unit"],
  result: ShownStatus,
  effect: "write",
  onRestart: "fail",
  timeoutMs: 10 * 60_000,
  examples: ["boma-master run web01 service.stop nginx"],
  async run({ unit }, { host: { services } }) {
    await existing(services, unit);
    await services.stop(unit);
    return shown(await settledOf(services, unit, 0));
  },
  outcome: () => "changed",
});
