import { z } from "zod";

import { defineFunction } from "../../define-function.ts";
import { workspaceOf } from "../../terraform/port.ts";
import { OutputResult } from "../../terraform/results.ts";
import { WorkspaceName } from "../../terraform/workspace.ts";

export default defineFunction({
  name: "terraform.output",
  summary: "The outputs of a workspace; those that are sensitive by name only.",
  params: z.strictObject({
    workspace: WorkspaceName.describe("The workspace, as it is called below terraform/ of the site."),
  }),
  positional: ["workspace"],
  result: OutputResult,
  effect: "read",
  onRestart: "fail",
  timeoutMs: 300_000,
  bringsCatalog: true,
  examples: ["boma-master run control01 terraform.output edge"],
  run: (_params, call) => workspaceOf(call).output(),
});
