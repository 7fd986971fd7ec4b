import { z } from "zod";

import { defineFunction } from "../../define-function.ts";
import { StageInfo } from "../../host/stages.ts";

export default defineFunction({
  name: "stage.list",
  summary: "Says which stages the catalog that the node keeps has, and on what each stands.",
  params: z.strictObject({}),
  result: z.array(StageInfo),
  effect: "read",
  onRestart: "fail",
  timeoutMs: 30_000,
  examples: ["boma-master run 'role:infra' stage.list"],
  run: async (_params, { host }) => [...(await host.stages.list())],
});
