/** What has to be so before a job of `terraform.*` is made: the right node, and for an apply the word of those who approve. */
import { BomaError } from "@boma/protocol";
import type { WorkspaceInfo } from "@boma/states/core";

import { resolve } from "../api/verbs/nodes.ts";
import type { Control } from "../control.ts";
import type { Job } from "../jobs/job.ts";
import type { NodeRecord } from "../registry/node-record.ts";
import { requireWorkspace } from "../site/workspaces.ts";
import { assertState, type TerraformPlan } from "./plan-record.ts";

type Arguments = Record<string, unknown>;

interface AskedJob {
  readonly function: string;
  readonly args: Arguments;
  readonly nodes: readonly NodeRecord[];
}

/** A job of Terraform as it goes out, with the plan that it consumes; any other one as it is. */
export interface Prepared {
  readonly args: Arguments;
  readonly plan?: TerraformPlan;
}

export async function workspaceInfo(control: Control, name: string): Promise<WorkspaceInfo> {
  const { workspaces, errors } = await control.siteCompiler.load();
  const broken = errors.find(({ place }) => place?.file === `terraform/${name}/workspace.ts`);
  if (broken) throw broken;
  return requireWorkspace(workspaces, name);
}

/** The one node of a workspace. */
export function nodeOf(control: Control, { name, on }: WorkspaceInfo): NodeRecord {
  const { nodes, unknown } = resolve(control, on);
  const [node] = nodes;
  if (node && nodes.length === 1) return node;
  const found = nodes.length === 0 ? "no node" : `${nodes.length} nodes (${named(nodes)})`;
  throw new BomaError(
    "terraform/workspace",
    `${name} is for exactly one node, and ${JSON.stringify(on)} means ${found}`,
    {
      ...(unknown.length > 0 && {
        hint: `The grains of ${unknown.slice(0, 5).join(", ")} are not known yet.`,
      }),
    },
  );
}

const named = (nodes: readonly NodeRecord[]): string =>
  nodes
    .slice(0, 5)
    .map(({ id }) => id)
    .join(", ");

export async function prepareTerraform(control: Control, asked: AskedJob): Promise<Prepared> {
  const { function: name, args, nodes } = asked;
  if (!name.startsWith("terraform.")) return { args };
  const [node] = nodes;
  const workspace = String(args["workspace"]);
  if (!node || nodes.length > 1)
    throw new BomaError("terraform/workspace", `${name} is for one node, and ${nodes.length} are meant`, {
      hint: `boma-master terraform ${name.split(".")[1]} ${workspace}`,
    });
  const plan =
    typeof args["plan"] === "string" ? await control.terraform.find(workspace, args["plan"]) : undefined;
  // A plan that is to go may be of a workspace that the site has no more.
  const key = plan && name === "terraform.discard" ? plan.node : await keyOf(control, workspace);
  if (key !== node.key || (plan && plan.node !== node.key))
    throw new BomaError("terraform/workspace", `${workspace} is not ${node.id}'s`, {
      hint: `\`on\` in terraform/${workspace}/workspace.ts says whose it is.`,
    });
  if (!plan) return { args };
  if (name !== "terraform.apply") return { args: { ...args, plan: plan.plan }, plan };
  assertState(plan, ["approved"], Date.now(), "applied");
  if (!control.presence.connected(node.key))
    throw new BomaError(
      "node/offline",
      `${node.id} is not connected: nothing was begun, and the plan stays approved`,
    );
  return { args: { ...args, plan: plan.plan, bound: plan.bound }, plan };
}

const keyOf = async (control: Control, name: string): Promise<string> =>
  nodeOf(control, await workspaceInfo(control, name)).key;

/** The last before the job is made: from here on the plan is this job's. */
export async function beginTerraform(
  { terraform }: Control,
  { plan }: Prepared,
  asked: { readonly function: string; readonly job: string; readonly by: string },
): Promise<void> {
  if (!plan) return;
  const { job, by } = asked;
  if (asked.function === "terraform.apply") await terraform.begin(plan, { job, by });
  else await terraform.discard(plan, by);
}

/** Its end is noted by the one who is there; who looks at the plan later notes it otherwise. */
export function settleAtEnd({ terraform, log }: Control, { plan }: Prepared, job: Job): void {
  if (!plan) return;
  job.listen((news) => {
    if (news.type !== "closed") return;
    terraform
      .find(plan.workspace, plan.plan)
      .catch((error: unknown) => log.warn({ error: String(error) }, "the end of an apply was not noted"));
  });
}
