import type { Command } from "@commander-js/extra-typings";

import type { NodeView } from "../api/verbs/nodes.ts";
import { style } from "../print/output.ts";
import { ago, grainText, table } from "../print/table.ts";
import { asking, example, performAsking } from "./shell.ts";

export const nodes = (program: Command): unknown =>
  asking(program.command("nodes"))
    .summary("list the nodes, or those that a target means")
    .description("Lists nodes: who is connected, what was assigned, how sure their identity is.")
    .argument("[target]", "which nodes; all of them where it is not said")
    .option("--revoked", "show revoked ones as well")
    .addHelpText("after", example("boma-master nodes 'env:dev and role:web*'"))
    .action((target, options) =>
      performAsking(options, async (client, output) => {
        const list = await client.ask<NodeView[]>("nodes.list", {
          ...(target !== undefined && { target }),
          revoked: options.revoked ?? false,
        });
        output.document(list);
        if (list.length === 0)
          return output.line("no nodes yet; make a token for the first: boma-master token create --env dev");
        output.line(
          table(list, [
            { head: "ID", text: ({ id }) => id, colour: (text) => style("bold", text) },
            { head: "STATE", text: stateText, colour: (text, node) => style(stateColour(node), text) },
            { head: "ASSIGNED", text: ({ assigned }) => grainText(assigned) },
            { head: "ASSURANCE", text: ({ assurance }) => assurance },
            { head: "AGENT", text: ({ agentVersion }) => agentVersion },
            { head: "ADDRESS", text: ({ address }) => address ?? "" },
            { head: "SINCE", text: ({ since }) => (since === undefined ? "" : ago(since)) },
          ]),
        );
      }),
    );

const stateText = ({ status, connected, duplicate }: NodeView): string =>
  status === "revoked" ? "revoked" : duplicate ? "duplicate" : connected ? "connected" : "offline";

const stateColour = ({ status, connected, duplicate }: NodeView) =>
  status === "revoked" ? "dim" : duplicate ? "red" : connected ? "green" : "magenta";
