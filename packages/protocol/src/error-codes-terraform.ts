/** What can go wrong with workspaces of Terraform and OpenTofu. */
import { failed, type Row, usage } from "./error-row.ts";

export const terraformCodes = {
  "terraform/workspace": usage(
    "The site has no such workspace, it is not one that can be used, or it is another node's.",
    "A workspace is a directory below terraform/ with a workspace.ts: docs/guide/infra/terraform.md.",
  ),
  "terraform/plan": usage(
    "There is no such plan, or it is not in the state that this needs.",
    "`boma-master terraform plans NAME` lists them, and what became of each.",
  ),
  "terraform/approval": usage(
    "The plan may not be approved like this: by this operator, or not any more.",
    "`approvals` in workspace.ts says how many must approve, and whether who planned may.",
  ),
  "terraform/program": failed(
    "The program that a workspace wants is not on the node, or in another version.",
    "Install it on the node, or name where it lies with `program` in workspace.ts.",
  ),
  "terraform/failed": failed(
    "The program ran on the node and failed.",
    "The message is its own. Nothing was applied, unless it says so.",
  ),
  "terraform/moved": failed(
    "What the plan was made from is not so any more; nothing was begun.",
    "Make another plan: `boma-master terraform plan NAME`.",
  ),
  "terraform/used": failed(
    "The plan was begun before, and a plan is applied once.",
    "`boma-master terraform drift NAME` says what there is now; then make another plan.",
  ),
  "terraform/gone": failed(
    "The plan, or a state from before, is not on the node any more, or cannot be opened there.",
    "Plans are kept for a week, and end with the node's keys. Make another one.",
  ),
  "terraform/busy": failed(
    "Something else is under way in this workspace; nothing was begun.",
    "Wait for it, or cancel it: the message says what it is.",
  ),
} as const satisfies Record<string, Row>;
