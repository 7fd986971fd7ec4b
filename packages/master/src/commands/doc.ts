import type { FunctionDoc, ParameterDoc, StateDoc } from "@boma/states/core";
import type { Command } from "@commander-js/extra-typings";

import { type Output, style } from "../print/output.ts";
import { table } from "../print/table.ts";
import { example, jsonOption, perform } from "./shell.ts";

export const doc = (program: Command): unknown =>
  program
    .command("doc")
    .summary("what functions and states there are, and what they take")
    .description(
      "Prints functions and states from their schemas. With a module's name, such as `grains` or `file`, what is in it.",
    )
    .argument("[name]", "a function, a state or a module")
    .addOption(jsonOption())
    .addHelpText("after", example("boma-master doc cmd.run\nboma-master doc file.managed"))
    .action((name, options) =>
      perform(options, async (output) => {
        const { describeFunction, describeState, functions, states } = await import("@boma/states");
        const both = [
          ...Object.values(functions).map(describeFunction),
          ...Object.values(states).map(({ spec }) => describeState(spec)),
        ];
        const inModule = both.filter((one) => name === undefined || one.name.startsWith(`${name}.`));
        if (inModule.length > 0) return list(output, inModule);
        // A name may be that of a function and of a state: cmd.run is both.
        const found = both.filter((one) => one.name === name);
        if (found.length === 0) {
          const { nothingOf } = await import("../ad-hoc.ts");
          throw nothingOf(name!, states);
        }
        output.document(found.length === 1 ? found[0] : { ...found[0], state: found[1] });
        for (const one of found) {
          if ("effect" in one) showFunction(output, one);
          else showState(output, one);
        }
      }),
    );

function list(output: Output, docs: readonly (FunctionDoc | StateDoc)[]): void {
  output.document(docs);
  output.line(
    table(docs, [
      { head: "NAME", text: ({ name }) => name, colour: (text) => style("bold", text) },
      {
        head: "KIND",
        text: kindOf,
        colour: (text) => style(text === "read" ? "green" : text === "write" ? "yellow" : "cyan", text),
      },
      { head: "", text: ({ summary }) => summary },
    ]),
  );
}

/** A state, or a function that reads or writes. */
const kindOf = (one: FunctionDoc | StateDoc): string => ("effect" in one ? one.effect : "state");

function showState(output: Output, one: StateDoc): void {
  output.line(`${style("bold", one.name)}  ${style("cyan", "state")}`);
  output.line(`${one.summary}\n`);
  showParameters(output, one.parameters, "PARAMETER");
  const notes = [
    `Which thing: ${one.key}.`,
    one.refreshes ? "It can watch others." : "",
    one.platforms.length > 0 ? `It works on ${one.platforms.join(", ")}.` : "",
    one.confinable ? "It works below --root." : "",
    one.secretive.length > 0 ? `A secret may stand in: ${one.secretive.join(", ")}.` : "",
  ];
  output.line(`\n${notes.filter((note) => note !== "").join(" ")}`);
  for (const { title, typescript, yaml } of one.examples) {
    output.line(`\n${style("dim", title)}`);
    output.line(`  ${typescript}`);
    output.line(yaml.replace(/^/gm, "  "));
  }
}

function showFunction(output: Output, one: FunctionDoc): void {
  output.line(
    `${style("bold", one.name)}  ${style(one.effect === "write" ? "yellow" : "green", one.effect)}`,
  );
  output.line(`${one.summary}\n`);
  if (one.parameters.length > 0) showParameters(output, one.parameters, "ARGUMENT");
  else output.line("It takes no arguments.");
  if (one.positional.length > 0) output.line(`\nWithout names: ${one.positional.join(", ")}`);
  output.line(`\n${one.examples.map((text) => `  $ ${text}`).join("\n")}`);
}

const defaultOf = ({ required, default: fallback }: ParameterDoc): string =>
  required ? "required" : fallback === undefined ? "" : JSON.stringify(fallback);

const showParameters = (output: Output, parameters: readonly ParameterDoc[], head: string): void =>
  output.line(
    table(parameters, [
      { head, text: ({ name }) => name },
      { head: "TYPE", text: ({ type }) => type },
      { head: "DEFAULT", text: defaultOf },
      { head: "", text: ({ summary }) => summary ?? "" },
    ]),
  );
