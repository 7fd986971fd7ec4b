import { z } from "zod";

import { defineFunction } from "../../define-function.ts";
import { RunReport } from "../../engine/report.ts";
import { outcomeOfReport, runnerOf } from "../../state-runner.ts";

export default defineFunction({
  name: "state.apply",
  summary: "Makes the node as the site says it should be, and says what was changed.",
  params: z.strictObject({
    trees: z
      .array(z.string())
      .max(64)
      .optional()
      .describe("Only these trees, by their names below states/; all that top.ts gives where not said."),
    plan: z
      .string()
      .regex(/^[0-9a-f]{8,64}$/, "the hash that `boma-master plan` printed")
      .optional()
      .describe("Exactly what this stored plan says, or nothing: a node that has moved since refuses."),
  }),
  positional: ["trees"],
  result: RunReport,
  effect: "write",
  onRestart: "resume",
  timeoutMs: 3_600_000,
  dryRun: true,
  bringsCatalog: true,
  examples: [
    "boma-master run 'env:dev' state.apply",
    "boma-master run web01 state.apply nginx --test",
    "boma-master run 'role:db' state.apply plan=0123abcd",
  ],
  run: (_, call) => runnerOf(call).run(call.test ? "plan" : "apply"),
  outcome: outcomeOfReport,
});
