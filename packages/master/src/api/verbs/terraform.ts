import { JobId } from "@boma/protocol";
import { PlanResult, WorkspaceName } from "@boma/states/core";
import { z } from "zod";

import type { Control } from "../../control.ts";
import { stateOf, type TerraformPlan } from "../../terraform/plan-record.ts";
import { nodeOf, workspaceInfo } from "../../terraform/terraform-jobs.ts";
import { authorise } from "../rights.ts";
import { defineVerb } from "../verb.ts";

const Plan = z.string().regex(/^[0-9A-Z]{4,26}$/, "the id of a plan, or its beginning");

const viewOf = (record: TerraformPlan) => ({ ...record, state: stateOf(record, Date.now()) });
export type TerraformPlanView = ReturnType<typeof viewOf>;

/** Workspaces, each with the node that it means now, or why it means none. */
export const terraformList = defineVerb({
  verb: "terraform.list",
  right: "read",
  args: z.strictObject({ workspace: WorkspaceName.optional() }),
  async answer({ workspace }, { control }) {
    if (workspace !== undefined) {
      const info = await workspaceInfo(control, workspace);
      return [{ ...info, node: nodeOf(control, info).id }];
    }
    const { workspaces } = await control.siteCompiler.load();
    return workspaces.map((info) => {
      try {
        return { ...info, node: nodeOf(control, info).id };
      } catch (thrown) {
        return { ...info, problem: (thrown as Error).message };
      }
    });
  },
});

export const terraformPlans = defineVerb({
  verb: "terraform.plans",
  right: "read",
  args: z.strictObject({ workspace: WorkspaceName.optional() }),
  answer: async ({ workspace }, { control }) => (await control.terraform.list(workspace)).map(viewOf),
});

/** A plan with what is in it, as its job told. */
export const terraformShow = defineVerb({
  verb: "terraform.show",
  right: "read",
  args: z.strictObject({ workspace: WorkspaceName, plan: Plan }),
  async answer({ workspace, plan }, { control }) {
    const record = await control.terraform.find(workspace, plan);
    const ending = await control.jobs.store.ending(record.plan, record.node);
    return { ...viewOf(record), found: PlanResult.safeParse(ending?.value).data };
  },
});

export const terraformStore = defineVerb({
  verb: "terraform.store",
  right: "read",
  args: z.strictObject({ job: JobId }),
  answer: async ({ job }, { control }) =>
    viewOf(await control.terraform.adopt(job, (name) => workspaceInfo(control, name))),
});

/** The word of somebody who may give it, bound to the plan's own hash. */
export const terraformApprove = defineVerb({
  verb: "terraform.approve",
  right: "itself",
  args: z.strictObject({ workspace: WorkspaceName, plan: Plan, sha256: z.string().regex(/^[0-9a-f]{64}$/) }),
  async answer({ workspace, plan, sha256 }, { control, operator }) {
    const record = await control.terraform.find(workspace, plan);
    const node = control.registry.require(record.id);
    const nodes = [control.registry.targetNode(node)];
    authorise(operator, { right: "run", function: "terraform.approve", nodes });
    const approved = await control.terraform.approve(record, operator.name, sha256);
    await tellApproval(control, approved, operator.name);
    return viewOf(approved);
  },
});

const tellApproval = (
  control: Control,
  { workspace, plan, bound, node, id }: TerraformPlan,
  operator: string,
): Promise<unknown> =>
  control.events.told({
    kind: "approval.given",
    node,
    id,
    operator,
    data: { what: "terraform", subject: `${workspace} ${plan}`, fingerprint: bound.sha256 },
  });
