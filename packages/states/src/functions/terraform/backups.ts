import { z } from "zod";

import { defineFunction } from "../../define-function.ts";
import { workspaceOf } from "../../terraform/port.ts";
import { BackupList } from "../../terraform/results.ts";
import { WorkspaceName } from "../../terraform/workspace.ts";

export default defineFunction({
  name: "terraform.backups",
  summary: "The states of a workspace that the node kept before each apply.",
  params: z.strictObject({
    workspace: WorkspaceName.describe("The workspace, as it is called below terraform/ of the site."),
  }),
  positional: ["workspace"],
  result: BackupList,
  effect: "read",
  onRestart: "resume",
  timeoutMs: 60_000,
  examples: ["boma-master run control01 terraform.backups edge"],
  run: (_params, call) => workspaceOf(call).backups(),
});
