import { z } from "zod";

import { defineFunction } from "../../define-function.ts";
import { RunReport } from "../../engine/report.ts";
import { STAGES } from "../../stages.ts";
import { outcomeOfReport } from "../../state-runner.ts";

export default defineFunction({
  name: "stage.start",
  summary: "Makes one stage of the catalog that the node keeps as it should be, and waits for its gates.",
  params: z.strictObject({ stage: z.enum(STAGES).describe("The stage, such as consul.") }),
  positional: ["stage"],
  result: RunReport,
  effect: "write",
  onRestart: "resume",
  timeoutMs: 3_600_000,
  examples: ["boma-master run 'role:infra' stage.start consul"],
  run: ({ stage }, { host, signal }) => host.stages.start(stage, signal),
  outcome: outcomeOfReport,
});
