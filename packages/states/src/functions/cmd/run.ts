import { BomaError, splitWords } from "@boma/protocol";
import { z } from "zod";

import { defineFunction } from "../../define-function.ts";

export default defineFunction({
  name: "cmd.run",
  summary: "Runs a program on the node, without a shell unless one is asked for, and streams what it prints.",
  params: z.strictObject({
    command: z
      .array(z.string())
      .min(1)
      .max(256)
      .describe(
        "The program and its arguments. A single text is split into words as a shell would, quotes included.",
      ),
    shell: z.boolean().default(false).describe("Give the one text to /bin/sh instead."),
    cwd: z.string().startsWith("/").optional().describe("The directory to run in."),
    env: z.record(z.string(), z.string()).optional().describe("Variables to add to the environment."),
    user: z.string().optional().describe("The user to run as; the agent's own where not said."),
    stdin: z.string().optional().describe("Text for the program's standard input."),
  }),
  positional: ["command"],
  result: z.strictObject({
    exitCode: z.int().nullable(),
    signal: z.string().nullable(),
    stdout: z.string(),
    stderr: z.string(),
    cut: z.boolean(),
  }),
  effect: "write",
  onRestart: "fail",
  examples: [
    "boma-master run 'env:dev' cmd.run 'uname -a'",
    "boma-master run web01 cmd.run 'df -h | sort' shell=true",
    "boma-master run web01 cmd.run -- systemctl status nginx",
  ],
  run({ command, shell, ...rest }, { host }) {
    const argv = shell ? [oneText(command)] : command.length === 1 ? splitWords(command[0]!) : command;
    if (argv.length === 0) throw new BomaError("function/arguments", "cmd.run was given an empty command");
    return host.commands.run({ argv, shell, ...rest });
  },
  outcome: ({ exitCode }) => (exitCode === 0 ? "ok" : "failed"),
});

function oneText(command: readonly string[]): string {
  if (command.length === 1) return command[0]!;
  throw new BomaError("function/arguments", "with shell=true the command is one text, not a list of words");
}
