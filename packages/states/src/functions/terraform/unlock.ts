import { z } from "zod";

import { defineFunction } from "../../define-function.ts";
import { workspaceOf } from "../../terraform/port.ts";
import { WorkspaceName } from "../../terraform/workspace.ts";

export default defineFunction({
  name: "terraform.unlock",
  summary: "Takes away a lock of the backend that somebody left behind.",
  params: z.strictObject({
    workspace: WorkspaceName.describe("The workspace, as it is called below terraform/ of the site."),
    lock: z
      .string()
      .regex(/^[\w-]{1,128}$/, "the id of a lock")
      .describe("The id that Terraform named when it could not get the lock."),
  }),
  positional: ["workspace", "lock"],
  result: z.strictObject({ workspace: z.string(), said: z.string() }),
  effect: "write",
  onRestart: "fail",
  timeoutMs: 300_000,
  bringsCatalog: true,
  examples: ["boma-master run control01 terraform.unlock edge 8c1a3a5e-0c2f-4f0b-9a53-2f1c8b8d7a11"],
  run: ({ lock }, call) => workspaceOf(call).unlock(lock),
  outcome: () => "changed",
});
