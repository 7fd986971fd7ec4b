/** A unit's state, as functions give it back. */
import { z } from "zod";

import type { UnitStatus } from "../../host/services.ts";

export const ShownStatus = z.strictObject({
  unit: z.string(),
  description: z.string(),
  load: z.string(),
  active: z.string(),
  sub: z.string(),
  enabled: z.string(),
  result: z.string(),
  restarts: z.int(),
  mainPid: z.int(),
});

export const shown = (status: UnitStatus): z.input<typeof ShownStatus> => ({
  unit: status.unit,
  description: status.description,
  load: status.load,
  active: status.active,
  sub: status.sub,
  enabled: status.enabled,
  result: status.result,
  restarts: status.restarts,
  mainPid: status.mainPid,
});
