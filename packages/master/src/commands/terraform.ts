import { ExitCode } from "@boma/protocol";
import { DriftResult, PlanResult, type WorkspaceInfo } from "@boma/states/core";
import type { Command } from "@commander-js/extra-typings";

import type { TerraformPlanView } from "../api/verbs/terraform.ts";
import type { Client } from "../client/client.ts";
import { type Output, style } from "../print/output.ts";
import type { RunView } from "../print/run-view.ts";
import { table } from "../print/table.ts";
import { asking, example, performAsking, usage } from "./shell.ts";

/** The first that is asked of a site loads it. */
const ANSWER_MS_MAX = 60_000;

type Listed = WorkspaceInfo & { readonly node?: string; readonly problem?: string };
type Shown = TerraformPlanView & { readonly found?: PlanResult };

export function terraform(program: Command): void {
  const group = program
    .command("terraform")
    .summary("plan, approve and apply workspaces of Terraform and OpenTofu")
    .description(
      "Workspaces lie below terraform/ of the site. A plan is made on the workspace's node and stays there, sealed; it is applied once, after the word of somebody else.",
    )
    .addHelpText(
      "after",
      example(
        "boma-master terraform plan edge\nboma-master terraform approve edge 01K9ZC\nboma-master terraform apply edge 01K9ZC",
      ),
    );
  list(group);
  plan(group);
  plans(group);
  show(group);
  approve(group);
  apply(group);
  drift(group);
  simple(group);
}

const list = (group: Command): unknown =>
  asking(group.command("list"))
    .description("Lists the workspaces of the site, and the node of each.")
    .addHelpText("after", example("boma-master terraform list"))
    .action((options) =>
      performAsking(options, async (client, output) => {
        const found = await client.ask<Listed[]>("terraform.list", {}, ANSWER_MS_MAX);
        output.document(found);
        output.line(
          found.length === 0
            ? "the site has no workspaces: they are terraform/NAME/workspace.ts"
            : listText(found),
        );
      }),
    );

const listText = (found: readonly Listed[]): string =>
  table(found, [
    { head: "WORKSPACE", text: ({ name }) => name, colour: (text) => style("bold", text) },
    { head: "BY", text: ({ binary }) => binary },
    { head: "NODE", text: ({ node, problem = "" }) => node ?? problem },
    {
      head: "APPROVALS",
      text: ({ approvals: { count, notSubmitter } }) =>
        count === 0 ? "none" : `${count}${notSubmitter ? ", not who planned" : ""}`,
    },
  ]);

/** The node of a workspace: what goes there is a job like others. */
async function targetOf(client: Client, workspace: string): Promise<string> {
  const [one] = await client.ask<Listed[]>("terraform.list", { workspace }, ANSWER_MS_MAX);
  return `L@${one?.node}`;
}

interface Job {
  readonly function: string;
  readonly target: string;
  readonly args: Readonly<Record<string, unknown>>;
}

interface Watched {
  readonly exit: ExitCode;
  readonly value: unknown;
}

/** Follows a job on the one node; what is only asked for now does not wait for one that is away. */
async function watch(
  client: Client,
  output: Output,
  asked: Job,
  more?: (view: RunView, value: unknown) => Promise<object>,
): Promise<Watched> {
  const [{ watchRun }, { newJob }, { resultText }] = await Promise.all([
    import("../client/watch-run.ts"),
    import("../client/follow-job.ts"),
    import("../terraform/plan-text.ts"),
  ]);
  const args = { ...asked, test: false, allowEmpty: false, watch: true, waitMs: 0 };
  let value: unknown;
  const exit = await watchRun(client, output, newJob(args, ANSWER_MS_MAX), {
    full: true,
    told: resultText,
    more: async (view) => {
      value = view.nodes.values().next().value?.return;
      return (await more?.(view, value)) ?? {};
    },
  });
  return { exit, value };
}

const plan = (group: Command): unknown =>
  asking(group.command("plan"))
    .description(
      "Plans a workspace on its node. A plan that changes something is kept there, to be approved.",
    )
    .argument("<workspace>", "which one")
    .option("--destroy", "plan the end of all of it")
    .addHelpText("after", example("boma-master terraform plan edge"))
    .action((workspace, options) =>
      performAsking(options, async (client, output) => {
        const target = await targetOf(client, workspace);
        const args = { workspace, destroy: options.destroy ?? false };
        let kept: TerraformPlanView | undefined;
        const { exit } = await watch(
          client,
          output,
          { function: "terraform.plan", target, args },
          async ({ record }, value) => {
            if (!record || !PlanResult.safeParse(value).data?.bound) return {};
            kept = await client.ask<TerraformPlanView>("terraform.store", { job: record.job }, ANSWER_MS_MAX);
            return { plan: kept };
          },
        );
        if (kept) output.line(nextText(kept));
        return exit;
      }),
    );

function nextText({ plan: id, workspace, state, bound }: TerraformPlanView): string {
  const next = state === "approved" ? "apply" : "approve";
  return [
    `plan ${style("bold", id)}  ${style("dim", `sha256 ${bound.sha256.slice(0, 16)}`)}`,
    style("dim", `${next} it: boma-master terraform ${next} ${workspace} ${id.slice(0, 16)}`),
  ].join("\n");
}

const plans = (group: Command): unknown =>
  asking(group.command("plans"))
    .description("Lists plans, and what became of each.")
    .argument("[workspace]", "of which workspace; of all where it is not said")
    .addHelpText("after", example("boma-master terraform plans edge"))
    .action((workspace, options) =>
      performAsking(options, async (client, output) => {
        const { plansText } = await import("../terraform/plan-text.ts");
        const found = await client.ask<TerraformPlanView[]>(
          "terraform.plans",
          workspace === undefined ? {} : { workspace },
        );
        output.document(found);
        output.line(found.length === 0 ? "no plans are kept" : plansText(found));
      }),
    );

const show = (group: Command): unknown =>
  asking(group.command("show"))
    .description("Shows what is in a plan, and what became of it.")
    .argument("<workspace>", "which one")
    .argument("<plan>", "its id, or the beginning")
    .addHelpText("after", example("boma-master terraform show edge 01K9ZC"))
    .action((workspace, id, options) =>
      performAsking(options, async (client, output) => {
        const shown = await shownPlan(client, output, { workspace, plan: id });
        output.document(shown);
      }),
    );

async function shownPlan(
  client: Client,
  output: Output,
  asked: { readonly workspace: string; readonly plan: string },
): Promise<Shown> {
  const { planText, plansText } = await import("../terraform/plan-text.ts");
  const shown = await client.ask<Shown>("terraform.show", asked);
  output.line(plansText([shown]));
  output.line(style("dim", `sha256 ${shown.bound.sha256}, made by ${shown.bound.version}`));
  output.line(shown.found ? planText(shown.found) : "what is in it is not kept any more");
  return shown;
}

const approve = (group: Command): unknown =>
  asking(group.command("approve"))
    .description("Approves a plan, bound to its hash: what is shown is what may be applied.")
    .argument("<workspace>", "which one")
    .argument("<plan>", "its id, or the beginning")
    .option("--sha256 <hash>", "only the plan with this hash, or the beginning of it")
    .addHelpText("after", example("boma-master terraform approve edge 01K9ZC"))
    .action((workspace, id, options) =>
      performAsking(options, async (client, output) => {
        const shown = await shownPlan(client, output, { workspace, plan: id });
        const { sha256 } = shown.bound;
        if (options.sha256 !== undefined && !sha256.startsWith(options.sha256))
          throw usage(`the plan has the hash ${sha256}`, "It is another one than you have looked at.");
        const approved = await client.ask<TerraformPlanView>("terraform.approve", {
          workspace,
          plan: shown.plan,
          sha256,
        });
        output.document(approved);
        output.line(`${approved.approvals.length} of ${approved.needs.count} approvals`);
        if (approved.state === "approved") output.line(nextText(approved));
      }),
    );

const apply = (group: Command): unknown =>
  asking(group.command("apply"))
    .description("Applies a plan that was approved: once, and only if nothing it was made from has changed.")
    .argument("<workspace>", "which one")
    .argument("<plan>", "its id, or the beginning")
    .addHelpText("after", example("boma-master terraform apply edge 01K9ZC"))
    .action((workspace, id, options) =>
      performAsking(options, async (client, output) => {
        const target = await targetOf(client, workspace);
        const args = { workspace, plan: id };
        return (await watch(client, output, { function: "terraform.apply", target, args })).exit;
      }),
    );

const drift = (group: Command): unknown =>
  asking(group.command("drift"))
    .description("Looks whether what a workspace made is as its state says. Ends with 1 when it is not.")
    .argument("<workspace>", "which one")
    .addHelpText("after", example("boma-master terraform drift edge"))
    .action((workspace, options) =>
      performAsking(options, async (client, output) => {
        const target = await targetOf(client, workspace);
        const asked = { function: "terraform.drift", target, args: { workspace } };
        const { exit, value } = await watch(client, output, asked);
        return DriftResult.safeParse(value).data?.drifted ? ExitCode.failed : exit;
      }),
    );

/** Those that are a job and nothing more. */
function simple(group: Command): void {
  const job = (name: string, description: string, sample: string) =>
    asking(group.command(name))
      .description(description)
      .argument("<workspace>", "which one")
      .addHelpText("after", example(`boma-master terraform ${name} edge${sample}`));
  const start =
    (workspace: string, name: string, more: Readonly<Record<string, string>>) =>
    async (client: Client, output: Output): Promise<ExitCode> => {
      const target =
        name === "discard"
          ? await nodeOfPlan(client, workspace, more["plan"]!)
          : await targetOf(client, workspace);
      return (
        await watch(client, output, { function: `terraform.${name}`, target, args: { workspace, ...more } })
      ).exit;
    };
  job("output", "Prints the outputs of a workspace; sensitive ones by name only.", "").action(
    (workspace, options) => performAsking(options, start(workspace, "output", {})),
  );
  job("discard", "Forgets a plan: nobody applies it any more.", " 01K9ZC")
    .argument("<plan>", "its id, or the beginning")
    .action((workspace, id, options) => performAsking(options, start(workspace, "discard", { plan: id })));
  job(
    "unlock",
    "Takes away a lock of the backend that somebody left behind.",
    " 8c1a3a5e-0c2f-4f0b-9a53-2f1c8b8d7a11",
  )
    .argument("<lock>", "the id that was named when the lock could not be had")
    .action((workspace, lock, options) => performAsking(options, start(workspace, "unlock", { lock })));
  job("backups", "Lists the states that the node kept before each apply.", "").action((workspace, options) =>
    performAsking(options, start(workspace, "backups", {})),
  );
  job(
    "restore",
    "Puts a kept state back. It changes the state, and nothing that it speaks of.",
    " 1795283545000-12",
  )
    .argument("<backup>", "as `backups` names it")
    .action((workspace, backup, options) => performAsking(options, start(workspace, "restore", { backup })));
}

/** A plan may outlive its workspace in the site. */
async function nodeOfPlan(client: Client, workspace: string, id: string): Promise<string> {
  const { id: node } = await client.ask<Shown>("terraform.show", { workspace, plan: id });
  return `L@${node}`;
}
