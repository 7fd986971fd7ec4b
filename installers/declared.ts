/**
 * The command line of a program as data, from its own declarations: the program is
 * loaded in a process of its own, and stopped where it would read its arguments.
 *
 *   node installers/declared.ts agent|master     prints JSON
 */
import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

import { Command } from "@commander-js/extra-typings";

import { entryOf, type Program } from "./bundle.ts";

const run = promisify(execFile);
const BYTES_MAX = 16 * 1024 * 1024;

export interface DeclaredOption {
  readonly flags: string;
  readonly long: string | undefined;
  readonly short: string | undefined;
  readonly description: string;
  readonly takesValue: boolean;
  /** Files may follow it. */
  readonly value: string | undefined;
  readonly default: string | undefined;
  readonly choices: readonly string[];
}
export interface DeclaredArgument {
  readonly name: string;
  readonly description: string;
  readonly required: boolean;
  readonly variadic: boolean;
  readonly choices: readonly string[];
}
export interface Declared {
  readonly name: string;
  readonly summary: string;
  readonly description: string;
  readonly options: readonly DeclaredOption[];
  readonly arguments: readonly DeclaredArgument[];
  readonly commands: readonly Declared[];
  readonly examples: readonly string[];
}

export async function declaredOf(program: Program): Promise<Declared> {
  const words = [fileURLToPath(import.meta.url), program];
  const { stdout } = await run(process.execPath, words, { maxBuffer: BYTES_MAX });
  return JSON.parse(stdout) as Declared;
}

function declared(command: Command): Declared {
  const shown = command.createHelp();
  const options = shown.visibleOptions(command).map((option) => ({
    flags: option.flags,
    long: option.long,
    short: option.short,
    description: option.description,
    takesValue: option.required || option.optional,
    value: /[<[]([^>\]]+)[>\]]/.exec(option.flags)?.[1],
    default: typeof option.defaultValue === "string" ? option.defaultValue : undefined,
    choices: option.argChoices ?? [],
  }));
  const args = command.registeredArguments.map((argument) => ({
    name: argument.name(),
    description: argument.description,
    required: argument.required,
    variadic: argument.variadic,
    choices: argument.argChoices ?? [],
  }));
  return {
    name: command.name(),
    summary: command.summary(),
    description: command.description(),
    options,
    arguments: args,
    commands: shown
      .visibleCommands(command)
      .filter((child) => child.name() !== "help")
      .map((child) => declared(child as Command)),
    examples: examplesIn(command),
  };
}

/** What stands after the help: only commander's own printing has it. */
function examplesIn(command: Command): readonly string[] {
  let text = "";
  command.configureOutput({ writeOut: (part) => void (text += part), getOutHelpWidth: () => 200 });
  command.outputHelp();
  const after = text.split(/\nExamples?:\n/)[1] ?? "";
  return after
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => line.startsWith("$ "))
    .map((line) => line.slice(2));
}

if (import.meta.main) {
  const program = process.argv[2] === "agent" ? "agent" : "master";
  Command.prototype.parseAsync = function (this: Command) {
    process.stdout.write(JSON.stringify(declared(this)));
    return Promise.resolve(this);
  } as typeof Command.prototype.parseAsync;
  await import(entryOf(program));
}
