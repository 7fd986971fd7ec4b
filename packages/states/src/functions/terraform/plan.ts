import { z } from "zod";

import { defineFunction } from "../../define-function.ts";
import { workspaceOf } from "../../terraform/port.ts";
import { PlanResult } from "../../terraform/results.ts";
import { WorkspaceName } from "../../terraform/workspace.ts";

export default defineFunction({
  name: "terraform.plan",
  summary: "Plans what a workspace would change, keeps the plan on the node, and says what is in it.",
  params: z.strictObject({
    workspace: WorkspaceName.describe("The workspace, as it is called below terraform/ of the site."),
    destroy: z
      .boolean()
      .default(false)
      .describe("Plans the end of all of it; the policy holds here as well."),
  }),
  positional: ["workspace"],
  result: PlanResult,
  // It changes nothing, but runs what providers and external data sources bring, and holds the lock meanwhile.
  effect: "write",
  onRestart: "fail",
  timeoutMs: 1_800_000,
  bringsCatalog: true,
  examples: ["boma-master run control01 terraform.plan edge"],
  run: ({ destroy }, call) => workspaceOf(call).plan({ destroy }),
  outcome: ({ violations }) => (violations.length > 0 ? "failed" : "ok"),
});
