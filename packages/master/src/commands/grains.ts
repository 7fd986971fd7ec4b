import { readGrain, type Grains } from "@boma/protocol";
import type { Command } from "@commander-js/extra-typings";

import { style } from "../print/output.ts";
import { ago } from "../print/table.ts";
import { valueText } from "../print/value.ts";
import { asking, example, performAsking } from "./shell.ts";

interface NodeGrains {
  readonly id: string;
  readonly assigned: Grains;
  readonly claimed?: Grains;
  readonly revision?: string;
  readonly at?: number;
}

export const grains = (program: Command): unknown =>
  asking(program.command("grains"))
    .summary("show the grains of nodes, claimed and assigned")
    .description("Shows what nodes claim and what was assigned to them, as the master has it.")
    .argument("<target>", "which nodes")
    .argument("[keys...]", "only these, such as `ram` or `disks:nvme0n1:size`")
    .addHelpText("after", example("boma-master grains 'env:dev' os ram macs"))
    .action((target, keys, options) =>
      performAsking(options, async (client, output) => {
        const nodes = await client.ask<NodeGrains[]>("nodes.grains", { target });
        output.document(
          keys.length === 0 ? nodes : nodes.map((node) => ({ id: node.id, grains: pick(node, keys) })),
        );
        for (const node of nodes) {
          const age =
            node.at === undefined ? "claimed nothing yet" : `revision ${node.revision}, ${ago(node.at)}`;
          output.line(`${style("bold", node.id)}  ${style("dim", age)}`);
          const shown =
            keys.length === 0 ? { assigned: node.assigned, claimed: node.claimed ?? {} } : pick(node, keys);
          output.line(valueText(shown).replace(/^/gm, "  "));
        }
      }),
    );

/** An assigned grain goes before a claimed one of the same name, as it does in targets. */
const pick = ({ assigned, claimed = {} }: NodeGrains, keys: readonly string[]): Grains =>
  Object.fromEntries(keys.map((key) => [key, readGrain(assigned, key) ?? readGrain(claimed, key) ?? null]));
