import { ExitCode, parseTarget } from "@boma/protocol";
import type { Command } from "@commander-js/extra-typings";

import type { Client } from "../client/client.ts";
import { type Output, style } from "../print/output.ts";
import { ago } from "../print/table.ts";
import { asking, example, performAsking } from "./shell.ts";

interface StoredPlan {
  readonly hash: string;
  readonly job: string;
  readonly createdAt: number;
  readonly operator: string;
  readonly target: string;
  readonly nodes: readonly string[];
}

export const plan = (program: Command): unknown =>
  asking(program.command("plan"))
    .summary("show what an apply would change, and keep it for one")
    .description(
      "Checks the site on the nodes and changes nothing. What was found is kept under a hash: `run … state.apply --plan HASH` does exactly that, and a node that has moved since refuses. Without a target it lists the plans that are kept.",
    )
    .argument("[target]", "which nodes")
    .argument("[trees...]", "only these trees of the site")
    .option("--full", "show all of every result")
    .addHelpText(
      "after",
      example("boma-master plan 'env:dev'\nboma-master run 'env:dev' state.apply --plan 0123abcd"),
    )
    .action((target, trees, options) =>
      performAsking(options, (client, output) =>
        target === undefined
          ? list(client, output)
          : make(client, output, { target, trees, full: options.full ?? false }),
      ),
    );

async function make(
  client: Client,
  output: Output,
  {
    target,
    trees,
    full,
  }: { readonly target: string; readonly trees: readonly string[]; readonly full: boolean },
): Promise<ExitCode> {
  parseTarget(target);
  const [{ watchRun }, { newJob }] = await Promise.all([
    import("../client/watch-run.ts"),
    import("../client/follow-job.ts"),
  ]);
  const args = trees.length > 0 ? { trees } : {};
  const asked = { target, function: "state.plan", args, test: false, allowEmpty: false, watch: true };
  let kept: StoredPlan | undefined;
  const exit = await watchRun(client, output, newJob(asked), {
    full,
    more: async ({ record }, ended) => {
      if (record === undefined || ended !== ExitCode.ok) return {};
      kept = await client.ask<StoredPlan>("plan.store", { job: record.job });
      return { plan: kept.hash };
    },
  });
  if (kept) {
    output.line(`plan ${style("bold", kept.hash.slice(0, 16))}`);
    output.line(
      style("dim", `apply it: boma-master run '${target}' state.apply --plan ${kept.hash.slice(0, 16)}`),
    );
  }
  return exit;
}

async function list(client: Client, output: Output): Promise<void> {
  const plans = await client.ask<StoredPlan[]>("plan.list");
  output.document(plans);
  if (plans.length === 0) output.line("no plans are kept");
  for (const { hash, target, nodes, operator, createdAt } of plans)
    output.line(
      `${style("bold", hash.slice(0, 16))}  ${target}  ${nodes.length} node${nodes.length === 1 ? "" : "s"}  ${style("dim", `by ${operator}, ${ago(createdAt)}`)}`,
    );
}
