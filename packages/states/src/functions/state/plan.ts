import { z } from "zod";

import { defineFunction } from "../../define-function.ts";
import { RunReport } from "../../engine/report.ts";
import { outcomeOfReport, runnerOf } from "../../state-runner.ts";

export default defineFunction({
  name: "state.plan",
  summary: "Says what an apply would change, and changes nothing.",
  params: z.strictObject({
    trees: z.array(z.string()).max(64).optional().describe("Only these trees, by their names below states/."),
  }),
  positional: ["trees"],
  result: RunReport,
  effect: "read",
  onRestart: "fail",
  timeoutMs: 600_000,
  bringsCatalog: true,
  examples: ["boma-master run 'env:dev' state.plan", "boma-master run web01 state.plan nginx"],
  run: (_params, call) => runnerOf(call).run("plan"),
  outcome: outcomeOfReport,
});
