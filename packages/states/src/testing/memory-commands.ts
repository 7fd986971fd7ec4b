import { BomaError } from "@boma/protocol";

import type { Command, Commands, Exit, ReadCommands } from "../host/commands.ts";
import type { Port } from "../host/host.ts";
import type { GivenAnswer } from "./given.ts";
import { memoryTree } from "./memory-files.ts";
import type { MemoryWorld } from "./memory-host.ts";

/**
 * Programs that answer what the machine was given to say, and leave the files that it was given to make; one that it
 * was not given is not there. `true`, `false` and `test -e PATH` are there without being given.
 */
export function memoryCommands({ given, tree }: MemoryWorld): Port<ReadCommands, Commands> {
  const answers = new Map(Object.entries(given.commands ?? {}));
  const builtIn = ([program, option, path]: readonly string[]): GivenAnswer | undefined => {
    if (program === "true" || program === "false") return { exitCode: program === "true" ? 0 : 1 };
    if (program !== "test" || option !== "-e" || path === undefined) return undefined;
    return { exitCode: tree.has(path) ? 0 : 1 };
  };
  const find = ({ argv }: Command): GivenAnswer | undefined =>
    answers.get(argv.join(" ")) ?? answers.get(argv[0] ?? "") ?? builtIn(argv);
  const answer = (command: Command): Exit => {
    const { shell, argv } = command;
    const missing: GivenAnswer = {
      exitCode: 127,
      stderr: `${shell ? "/bin/sh" : (argv[0] ?? "")}: not found`,
    };
    const { exitCode = 0, stdout = "", stderr = "" } = find(command) ?? missing;
    return { exitCode, signal: null, stdout, stderr, cut: false };
  };
  const run = (command: Command): Exit => {
    const { makes, teaches } = find(command) ?? {};
    const said = answer(command);
    for (const [path, entry] of memoryTree(makes))
      if (entry.type !== "directory" || !tree.has(path)) tree.set(path, entry);
    for (const [words, taught] of Object.entries(teaches ?? {})) answers.set(words, taught);
    return said;
  };
  const read: ReadCommands = {
    read: async (command) => answer(command),
    find: async (program) => (answers.has(program) ? `/usr/bin/${program}` : undefined),
  };
  return {
    read,
    write: {
      ...read,
      run: async (command) => run(command),
      async must(command) {
        const exit = run(command);
        if (exit.exitCode === 0) return exit;
        throw new BomaError(
          "state/command-failed",
          `${command.argv.join(" ")} exited with ${exit.exitCode}: ${exit.stderr}`,
        );
      },
    },
  };
}
