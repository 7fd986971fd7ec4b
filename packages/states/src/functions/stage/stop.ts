import { z } from "zod";

import { defineFunction } from "../../define-function.ts";
import { StageStop } from "../../host/stages.ts";
import { STAGES } from "../../stages.ts";

export default defineFunction({
  name: "stage.stop",
  summary: "Stops the units of one stage, and holds them until the stage is started or the machine boots.",
  params: z.strictObject({ stage: z.enum(STAGES).describe("The stage, such as nomad.") }),
  positional: ["stage"],
  result: StageStop,
  effect: "write",
  onRestart: "resume",
  timeoutMs: 900_000,
  examples: ["boma-master run 'role:infra' stage.stop nomad"],
  run: ({ stage }, { host, signal }) => host.stages.stop(stage, signal),
  outcome: ({ units }) => (units.length > 0 ? "changed" : "ok"),
});
