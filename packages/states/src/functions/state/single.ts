import { z } from "zod";

import { defineFunction } from "../../define-function.ts";
import { RunReport } from "../../engine/report.ts";
import { outcomeOfReport, runnerOf } from "../../state-runner.ts";

export default defineFunction({
  name: "state.single",
  summary: "Applies one state by its name, without the site: `boma-master run web01 pkg.installed htop`.",
  params: z.strictObject({
    state: z.string().max(128).describe("The state, such as pkg.installed."),
    key: z.string().max(4096).describe("Which thing: a path, a unit, a package."),
    params: z.record(z.string(), z.unknown()).optional().describe("The state's other parameters."),
  }),
  positional: ["state", "key"],
  result: RunReport,
  effect: "write",
  onRestart: "resume",
  timeoutMs: 3_600_000,
  dryRun: true,
  bringsCatalog: true,
  examples: ["boma-master run web01 state.single pkg.installed htop --test"],
  run: (_params, call) => runnerOf(call).run(call.test ? "plan" : "apply"),
  outcome: outcomeOfReport,
});
