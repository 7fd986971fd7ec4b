import type { Command } from "@commander-js/extra-typings";

import { style } from "../print/output.ts";
import { grainText } from "../print/table.ts";
import { asking, example, performAsking, readAssigned } from "./shell.ts";

export const assign = (program: Command): unknown =>
  asking(program.command("assign"))
    .summary("change the assigned grains of nodes")
    .description(
      "Sets assigned grains; `key-` removes one. Secrets and environments follow these, never what a node claims.",
    )
    .argument("<target>", "which nodes")
    .argument("<changes...>", "key=value, or key- to remove")
    .addHelpText("after", example("boma-master assign web-01 env=prod canary-"))
    .action((target, changes, options) =>
      performAsking(options, async (client, output) => {
        const remove = changes.filter((word) => /^[^=]+-$/.test(word)).map((word) => word.slice(0, -1));
        const set = readAssigned(changes.filter((word) => !/^[^=]+-$/.test(word)));
        const done = await client.ask<{ id: string; assigned: Record<string, string>; revision: number }[]>(
          "nodes.assign",
          { target, set, remove },
        );
        output.document(done);
        for (const { id, assigned } of done) output.line(`${style("bold", id)}  ${grainText(assigned)}`);
      }),
    );
