import { z } from "zod";

import { defineFunction } from "../../define-function.ts";
import { shown, ShownStatus } from "../../states/service/shown-status.ts";
import { UnitName } from "../../states/service/unit.ts";

export default defineFunction({
  name: "service.status",
  summary: "How a unit is: loaded, active, enabled, and how its last run ended.",
  params: z.strictObject({ unit: UnitName }),
  positional: ["unit"],
  result: ShownStatus,
  effect: "read",
  onRestart: "resume",
  timeoutMs: 30_000,
  examples: ["boma-master run 'role:web' service.status nginx"],
  run: async ({ unit }, { host }) => shown(await host.services.status(unit)),
});
