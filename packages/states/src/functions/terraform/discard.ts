import { z } from "zod";

import { defineFunction } from "../../define-function.ts";
import { workspaceOf } from "../../terraform/port.ts";
import { WorkspaceName } from "../../terraform/workspace.ts";

export default defineFunction({
  name: "terraform.discard",
  summary: "Forgets a plan: its file goes from the node.",
  params: z.strictObject({
    workspace: WorkspaceName.describe("The workspace, as it is called below terraform/ of the site."),
    plan: z
      .string()
      .regex(/^[0-9A-Z]{4,26}$/, "the id of a plan, or its beginning")
      .describe("The plan, as `boma-master terraform plans` lists it."),
  }),
  positional: ["workspace", "plan"],
  result: z.strictObject({ workspace: z.string(), plan: z.string(), was: z.boolean() }),
  effect: "write",
  onRestart: "resume",
  timeoutMs: 60_000,
  examples: ["boma-master run control01 terraform.discard edge 01K9ZC"],
  run: ({ plan }, call) => workspaceOf(call).discard(plan),
  outcome: ({ was }) => (was ? "changed" : "ok"),
});
