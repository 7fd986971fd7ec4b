import { ExitCode, parseTarget } from "@boma/protocol";
import { type Stage, StageInfo, STAGES } from "@boma/states/core";
import { type Command, Option } from "@commander-js/extra-typings";
import { z } from "zod";

import type { Client } from "../client/client.ts";
import type { FleetStage } from "../cold/fleet-stages.ts";
import type { Act, StageEnd } from "../cold/go-through.ts";
import type { Output } from "../print/output.ts";
import { asking, example, performAsking, usage } from "./shell.ts";

interface Way {
  readonly function: "stage.start" | "stage.stop";
  readonly done: "up" | "down";
}

const UP: Way = { function: "stage.start", done: "up" };
const DOWN: Way = { function: "stage.stop", done: "down" };

export const coldstart = (program: Command): unknown =>
  cold(program.command("coldstart"), UP)
    .summary("brings a fleet up, stage by stage")
    .description(
      `Brings up what the nodes' catalogs say, from the ground up: ${STAGES.join(", ")}. A stage begins when all that it stands on is ready on every node; what stands on a failure is not begun. It works with the catalogs that the nodes keep, so that nothing needs to run for it but the master and the bus.`,
    )
    .addHelpText(
      "after",
      example("boma-master coldstart 'role:infra'\nboma-master coldstart '*' --until vault"),
    );

export const coldstop = (program: Command): unknown =>
  cold(program.command("coldstop"), DOWN)
    .summary("takes a fleet down, stage by stage")
    .description(
      "Stops the units of the nodes' catalogs in the order opposite to a cold start. Agents leave them down until `coldstart`, a whole apply, or a boot.",
    )
    .addHelpText("after", example("boma-master coldstop 'role:infra' --until docker"));

const cold = (command: Command, way: Way) =>
  asking(command)
    .argument("<target>", "which nodes")
    .addOption(new Option("--until <stage>", "the last stage to go through").choices(STAGES))
    .action((target, options) =>
      performAsking(options, async (client, output) => {
        parseTarget(target);
        const { byNode, absent } = await stagesOf(client, target);
        const { fleetStages, reversed } = await import("../cold/fleet-stages.ts");
        const order = fleetStages(byNode);
        const stages = upTo(way === UP ? order : reversed(order), options.until);
        return goThroughAll(client, output, { way, stages, absent });
      }),
    );

interface Absent {
  readonly id: string;
  readonly status: string;
}

/** What every node says of its stages; nodes that say nothing are not a part of it. */
async function stagesOf(client: Client, target: string) {
  const { runToEnd } = await import("../client/run-to-end.ts");
  const { nodes } = await runToEnd(client, { target, function: "stage.list", args: {} });
  const byNode = new Map<string, StageInfo[]>();
  const absent: Absent[] = [];
  for (const [id, { status, return: value, error }] of nodes)
    if (status === "ok") byNode.set(id, z.array(StageInfo).parse(value));
    else absent.push({ id, status: error ? `${status}, ${error.message}` : status });
  return { byNode, absent };
}

/** The stages up to this one, it included. */
function upTo(stages: readonly FleetStage[], until: Stage | undefined): readonly FleetStage[] {
  if (until === undefined) return stages;
  const at = stages.findIndex(({ stage }) => stage === until);
  if (at < 0)
    throw usage(
      `none of these nodes has the stage ${until}`,
      `They have ${stages.map(({ stage }) => stage).join(", ") || "none"}.`,
    );
  return stages.slice(0, at + 1);
}

interface Going {
  readonly way: Way;
  readonly stages: readonly FleetStage[];
  readonly absent: readonly Absent[];
}

async function goThroughAll(
  client: Client,
  output: Output,
  { way, stages, absent }: Going,
): Promise<ExitCode> {
  const [{ goThrough }, { stageText }] = await Promise.all([
    import("../cold/go-through.ts"),
    import("../cold/cold-text.ts"),
  ]);
  const began = performance.now();
  const ends = await goThrough(stages, actOf(client, way), (end) => output.line(stageText(end, way.done)));
  const isDone = ends.every(({ state }) => state === "done");
  const ms = Math.round(performance.now() - began);
  output.document({ ok: isDone && absent.length === 0, ms, stages: ends.map(documented), absent });
  if (stages.length === 0) output.line("nothing in these nodes' catalogs belongs to a stage");
  else
    output.line(
      `${ends.filter(({ state }) => state === "done").length} of ${ends.length} stages ${way.done} in ${(ms / 1000).toFixed(1)} s`,
    );
  for (const { id, status } of absent) output.note(`${id} was not a part of it: ${status}`);
  if (!isDone) return ExitCode.failed;
  return absent.length > 0 ? ExitCode.incomplete : ExitCode.ok;
}

const actOf =
  (client: Client, way: Way): Act =>
  async ({ stage, nodes }) => {
    const { runToEnd } = await import("../client/run-to-end.ts");
    const target = `L@${nodes.join(",")}`;
    const ended = await runToEnd(client, { target, function: way.function, args: { stage } });
    return {
      job: ended.job,
      nodes: Object.fromEntries(
        [...ended.nodes].map(([id, { status, return: value, error, ms }]) => [
          id,
          { status, value, error, ms },
        ]),
      ),
    };
  };

function documented({ nodes, ...end }: StageEnd): object {
  return {
    ...end,
    nodes: Object.fromEntries(
      Object.entries(nodes).map(([id, { value, ...node }]) => [id, { ...node, return: value }]),
    ),
  };
}
