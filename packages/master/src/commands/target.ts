import { readFileSync } from "node:fs";

import { BomaError, ExitCode, parseInventory, parseTarget, selectNodes } from "@boma/protocol";
import type { Command } from "@commander-js/extra-typings";

import { type Output, style } from "../print/output.ts";
import { asking, example, perform, withClient } from "./shell.ts";

interface Selected {
  readonly matched: readonly string[];
  readonly unknown: readonly string[];
}

export const target = (program: Command): unknown =>
  asking(program.command("target"))
    .summary("print whom a target means, and touch nobody")
    .description("Prints the nodes that a target means. With --inventory it asks no master.")
    .argument("<expr>", "the target")
    .option(
      "--inventory <file>",
      'evaluate against a JSON file: {"nodes": {ID: {"grains": {}, "assigned": {}}}, "nodegroups": {}}',
    )
    .option("--allow-empty", "an empty match is not an error")
    .addHelpText("after", example("boma-master target 'env:dev and (role:web* or ram>=64GiB)'"))
    .action((expr, options) => {
      const print = (output: Output, selected: Selected) =>
        show(output, expr, selected, options.allowEmpty ?? false);
      if (options.inventory === undefined)
        return perform(options, async (output) => {
          // A slip of the pen is found here, with its place, before anybody is asked.
          parseTarget(expr);
          return withClient(options, async (client) =>
            print(output, await client.ask<Selected>("target.resolve", { target: expr })),
          );
        });
      const file = options.inventory;
      return perform(options, async (output) => {
        const { nodes, nodegroups } = parseInventory(readInventory(file));
        return print(output, selectNodes(parseTarget(expr), nodes, nodegroups));
      });
    });

function readInventory(file: string): unknown {
  try {
    return JSON.parse(readFileSync(file, "utf8"));
  } catch (cause) {
    throw new BomaError("usage/file", `${file} cannot be read as JSON: ${(cause as Error).message}`, {
      cause,
    });
  }
}

function show(output: Output, expr: string, { matched, unknown }: Selected, allowEmpty: boolean): ExitCode {
  if (matched.length === 0 && !allowEmpty && output.mode === "text") {
    const hint = unknown.length === 0 ? undefined : `Not known: ${unknown.join(", ")}.`;
    throw new BomaError(
      "target/no-match",
      `no node matches ${JSON.stringify(expr)}`,
      hint === undefined ? {} : { hint },
    );
  }
  output.document({ matched, unknown });
  for (const id of matched) output.line(id);
  for (const id of unknown) output.note(style("dim", `${id}: its grains are not known`));
  return matched.length === 0 && !allowEmpty ? ExitCode.noMatch : ExitCode.ok;
}
