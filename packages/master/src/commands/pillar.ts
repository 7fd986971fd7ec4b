import type { Command } from "@commander-js/extra-typings";

import { style } from "../print/output.ts";
import { table } from "../print/table.ts";
import { asking, example, performAsking } from "./shell.ts";

interface Value {
  readonly path: string;
  readonly value: unknown;
  readonly file: string;
  readonly line?: number;
}

export function pillar(program: Command): void {
  const group = program
    .command("pillar")
    .summary("show what the pillar holds for a node")
    .description("The pillar is data that the site assigns to nodes; trees read it.")
    .addHelpText("after", example("boma-master pillar show web-01"));
  asking(group.command("show"))
    .description(
      "Prints every value of a node's pillar with the file it comes from. Secrets are shown as references.",
    )
    .argument("<node>", "the node's id")
    .addHelpText("after", example("boma-master pillar show web-01 --json"))
    .action((id, options) =>
      performAsking(options, async (client, output) => {
        const values = await client.ask<Value[]>("site.pillar", { id });
        output.document({ id, values });
        if (values.length === 0) return output.line(`no pillar is for ${id}`);
        output.line(
          table(values, [
            { head: "NAME", text: ({ path }) => path, colour: (text) => style("bold", text) },
            {
              head: "VALUE",
              text: ({ value }) => (typeof value === "string" ? value : JSON.stringify(value)),
            },
            { head: "FROM", text: ({ file, line }) => (line === undefined ? file : `${file}:${line}`) },
          ]),
        );
      }),
    );
}
