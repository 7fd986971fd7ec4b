import { z } from "zod";

import { defineFunction } from "../../define-function.ts";
import { workspaceOf } from "../../terraform/port.ts";
import { DriftResult } from "../../terraform/results.ts";
import { WorkspaceName } from "../../terraform/workspace.ts";

export default defineFunction({
  name: "terraform.drift",
  summary: "Looks whether what a workspace made is still as its state says, and changes nothing.",
  params: z.strictObject({
    workspace: WorkspaceName.describe("The workspace, as it is called below terraform/ of the site."),
  }),
  positional: ["workspace"],
  result: DriftResult,
  effect: "write",
  onRestart: "fail",
  timeoutMs: 1_800_000,
  bringsCatalog: true,
  examples: ["boma-master run control01 terraform.drift edge"],
  run: (_params, call) => workspaceOf(call).drift(),
});
