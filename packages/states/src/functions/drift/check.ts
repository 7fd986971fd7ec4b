import { z } from "zod";

import { defineFunction } from "../../define-function.ts";
import { DriftLook } from "../../host/drift.ts";

export default defineFunction({
  name: "drift.check",
  summary: "Looks now whether the node is as the catalog that it keeps says, and changes nothing.",
  params: z.strictObject({
    resources: z
      .array(z.string())
      .max(1000)
      .optional()
      .describe(
        "Only these declarations, such as `file.managed(/etc/motd)`; the whole catalog where not said.",
      ),
  }),
  positional: ["resources"],
  result: DriftLook,
  effect: "read",
  onRestart: "fail",
  timeoutMs: 900_000,
  examples: [
    "boma-master run '*' drift.check",
    "boma-master run web01 drift.check 'file.managed(/etc/motd)'",
  ],
  run: ({ resources }, { host, signal }) => host.drift.look(resources, signal),
});
