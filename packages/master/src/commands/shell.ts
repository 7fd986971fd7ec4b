/** What all commands have in common: where the home is, how they print, how they end. */
import { BomaError, ExitCode } from "@boma/protocol";
import { type Command, Option, type OptionValues } from "@commander-js/extra-typings";

import type { Client } from "../client/client.ts";
import { type Mode, newOutput, type Output, printError } from "../print/output.ts";

export interface CommonOptions {
  readonly home?: string | undefined;
  readonly operator?: string | undefined;
  readonly json?: true | undefined;
  readonly output?: Mode | undefined;
}

export const homeOption = (): Option<"--home <dir>"> =>
  new Option("--home <dir>", "where boma keeps its things (env BOMA_HOME)");
export const jsonOption = (): Option<"--json"> =>
  new Option("--json", "print one JSON document, also on failure");
const operatorOption = () =>
  new Option("--operator <file>", "the credential to act with (env BOMA_OPERATOR)");
const outputOption = () =>
  new Option("--output <format>", "how to print").choices(["text", "json", "ndjson"] as const);

/** The options of a command that asks the master. */
export const asking = <A extends unknown[], O extends OptionValues>(command: Command<A, O>) =>
  command
    .addOption(homeOption())
    .addOption(operatorOption())
    .addOption(jsonOption())
    .addOption(outputOption());

export const example = (text: string): string =>
  `\nExample:\n${text
    .trim()
    .split("\n")
    .map((line) => `  $ ${line.trim()}`)
    .join("\n")}\n`;

const modeOf = ({ json, output }: CommonOptions): Mode => output ?? (json ? "json" : "text");

/** Runs a command's work; whatever happens becomes a clear text and an exit code. */
export async function perform(
  options: CommonOptions,
  work: (output: Output) => Promise<ExitCode | void>,
): Promise<void> {
  const mode = modeOf(options);
  try {
    process.exitCode = (await work(newOutput(mode))) ?? ExitCode.ok;
  } catch (error) {
    process.exitCode = printError(error, mode);
  }
}

/** Works with the master, as the operator whom the options name. */
export async function withClient<T>(
  options: CommonOptions,
  work: (client: Client) => Promise<T>,
): Promise<T> {
  const [{ Client }, { homeAt }, { operatorPath, readOperatorFile }] = await Promise.all([
    import("../client/client.ts"),
    import("../home.ts"),
    import("../operator-file.ts"),
  ]);
  const home = homeAt(options.home);
  const path = operatorPath(home, options.operator);
  await using client = await Client.connect(readOperatorFile(home, path));
  const result = await work(client);
  await client.renew(path);
  return result;
}

/** The same for a command that does nothing but ask the master. What can be found wrong without him is found before. */
export const performAsking = (
  options: CommonOptions,
  work: (client: Client, output: Output) => Promise<ExitCode | void>,
): Promise<void> => perform(options, (output) => withClient(options, (client) => work(client, output)));

/** `env=dev`, several times: assigned grains. A name that is given twice makes a list. */
export function readAssigned(words: readonly string[]): Record<string, string | string[]> {
  const assigned: Record<string, string | string[]> = {};
  for (const word of words) {
    const at = word.indexOf("=");
    if (at < 1) throw usage(`${JSON.stringify(word)} is not key=value`);
    const [key, value] = [word.slice(0, at), word.slice(at + 1)];
    const before = assigned[key];
    assigned[key] = before === undefined ? value : [before, value].flat();
  }
  return assigned;
}

export const usage = (message: string, hint?: string): BomaError =>
  new BomaError("usage/argument", message, hint === undefined ? {} : { hint });

export const collect = (value: string, before: readonly string[] = []): string[] => [...before, value];
