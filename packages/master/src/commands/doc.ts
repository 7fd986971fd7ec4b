import type { FunctionDoc } from "@boma/states";
import type { Command } from "@commander-js/extra-typings";

import { type Output, style } from "../print/output.ts";
import { table } from "../print/table.ts";
import { example, jsonOption, perform } from "./shell.ts";

export const doc = (program: Command): unknown =>
  program
    .command("doc")
    .summary("what functions there are, and what they take")
    .description(
      "Prints functions from their schemas. With a module's name, such as `grains`, its functions.",
    )
    .argument("[name]", "a function or a module")
    .addOption(jsonOption())
    .addHelpText("after", example("boma-master doc cmd.run"))
    .action((name, options) =>
      perform(options, async (output) => {
        const [{ describeFunction, functions }, { requireFunction }] = await Promise.all([
          import("@boma/states"),
          import("../require-function.ts"),
        ]);
        const docs = Object.values(functions).map(describeFunction);
        const inModule = docs.filter((one) => name === undefined || one.name.startsWith(`${name}.`));
        if (inModule.length > 0) return list(output, inModule);
        const one = describeFunction(requireFunction(name!));
        output.document(one);
        show(output, one);
      }),
    );

function list(output: Output, docs: readonly FunctionDoc[]): void {
  output.document(docs);
  output.line(
    table(docs, [
      { head: "FUNCTION", text: ({ name }) => name, colour: (text) => style("bold", text) },
      {
        head: "EFFECT",
        text: ({ effect }) => effect,
        colour: (text, { effect }) => style(effect === "write" ? "yellow" : "green", text),
      },
      { head: "", text: ({ summary }) => summary },
    ]),
  );
}

function show(output: Output, one: FunctionDoc): void {
  output.line(
    `${style("bold", one.name)}  ${style(one.effect === "write" ? "yellow" : "green", one.effect)}`,
  );
  output.line(`${one.summary}\n`);
  if (one.parameters.length > 0)
    output.line(
      table(one.parameters, [
        { head: "ARGUMENT", text: ({ name }) => name },
        { head: "TYPE", text: ({ type }) => type },
        {
          head: "DEFAULT",
          text: (parameter) =>
            parameter.required
              ? "required"
              : parameter.default === undefined
                ? ""
                : JSON.stringify(parameter.default),
        },
        { head: "", text: ({ summary }) => summary ?? "" },
      ]),
    );
  else output.line("It takes no arguments.");
  if (one.positional.length > 0) output.line(`\nWithout names: ${one.positional.join(", ")}`);
  output.line(`\n${one.examples.map((text) => `  $ ${text}`).join("\n")}`);
}
