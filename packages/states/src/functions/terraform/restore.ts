import { z } from "zod";

import { defineFunction } from "../../define-function.ts";
import { workspaceOf } from "../../terraform/port.ts";
import { WorkspaceName } from "../../terraform/workspace.ts";

export default defineFunction({
  name: "terraform.restore",
  summary:
    "Puts a state back that the node kept before an apply. It changes the state, and nothing that it speaks of.",
  params: z.strictObject({
    workspace: WorkspaceName.describe("The workspace, as it is called below terraform/ of the site."),
    backup: z
      .string()
      .regex(/^\d{1,16}-\d{1,12}$/, "the name of a backup")
      .describe("Which one, as `terraform.backups` names it."),
  }),
  positional: ["workspace", "backup"],
  result: z.strictObject({ workspace: z.string(), serial: z.int() }),
  effect: "write",
  onRestart: "fail",
  timeoutMs: 300_000,
  bringsCatalog: true,
  examples: ["boma-master run control01 terraform.restore edge 1795283545000-12"],
  run: ({ backup }, call) => workspaceOf(call).restore(backup),
  outcome: () => "changed",
});
