import { BomaError } from "@boma/protocol";
import { z } from "zod";

import { defineFunction } from "../../define-function.ts";
import { workspaceOf } from "../../terraform/port.ts";
import { ApplyResult, Bound } from "../../terraform/results.ts";
import { WorkspaceName } from "../../terraform/workspace.ts";

export default defineFunction({
  name: "terraform.apply",
  summary: "Applies a plan that was approved, once, if nothing it was made from has changed.",
  params: z.strictObject({
    workspace: WorkspaceName.describe("The workspace, as it is called below terraform/ of the site."),
    plan: z
      .string()
      .regex(/^[0-9A-Z]{4,26}$/, "the id of a plan, or its beginning")
      .describe("The plan, as `boma-master terraform plans` lists it."),
    bound: Bound.optional().describe("What was approved; the master says it, whatever is written here."),
  }),
  positional: ["workspace", "plan"],
  result: ApplyResult,
  effect: "write",
  // Begun again it would do another thing than what was read: how far it came, a person has to see.
  onRestart: "fail",
  timeoutMs: 7_200_000,
  bringsCatalog: true,
  examples: ["boma-master run control01 terraform.apply edge 01K9ZC"],
  run({ plan, bound }, call) {
    if (bound) return workspaceOf(call).apply(plan, bound);
    throw new BomaError("terraform/plan", "the order does not say what was approved", {
      hint: "The master may be of an older release than this agent.",
    });
  },
  outcome: ({ applied }) => (applied ? "changed" : "failed"),
});
