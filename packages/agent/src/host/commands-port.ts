/** The port of programs: those that only look, those that are meant to change something. */
import { access, constants } from "node:fs/promises";
import { join } from "node:path";

import { BomaError } from "@boma/protocol";
import type { Command, Commands, Exit, Port, ReadCommands } from "@boma/states/core";

import type { CallSession } from "./hosts.ts";

const READ_MS = 60_000;
const TAIL_LINES = 20;
const PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
const NOT_FOUND = 127;

export function realCommands({ signal, line }: CallSession): Port<ReadCommands, Commands> {
  const run = async (command: Command): Promise<Exit> => {
    // execa and what it brings are loaded with the first command.
    const { runProgram } = await import("./commands.ts");
    const { timeoutMs, quiet = false } = command;
    const ends = timeoutMs === undefined ? signal : AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]);
    const exit = await runProgram(command, quiet ? () => undefined : line, ends);
    if (ends.aborted && !signal.aborted)
      throw new BomaError(
        "state/command-failed",
        `${command.argv.join(" ")} did not end within ${timeoutMs} ms`,
      );
    return exit;
  };
  const read: ReadCommands = {
    async read(command) {
      const { argv, env, shell } = command;
      if (!shell && !argv[0]?.includes("/") && (await find(argv[0] ?? "")) === undefined)
        return { exitCode: NOT_FOUND, signal: null, stdout: "", stderr: `${argv[0]}: not found`, cut: false };
      return run({ timeoutMs: READ_MS, ...command, quiet: true, env: { LC_ALL: "C", ...env } });
    },
    find,
  };
  return {
    read,
    write: {
      ...read,
      run,
      async must(command) {
        const exit = await run({ ...command, env: { LC_ALL: "C", ...command.env } });
        if (exit.exitCode === 0) return exit;
        throw new BomaError("state/command-failed", `${command.argv.join(" ")} ${endingOf(exit)}`);
      },
    },
  };
}

async function find(program: string): Promise<string | undefined> {
  for (const dir of PATH.split(":")) {
    const path = join(dir, program);
    if (
      await access(path, constants.X_OK).then(
        () => true,
        () => false,
      )
    )
      return path;
  }
  return undefined;
}

function endingOf({ exitCode, signal, stdout, stderr }: Exit): string {
  const how = exitCode === null ? `was ended by ${signal}` : `exited with ${exitCode}`;
  const said = (stderr.trim() || stdout.trim()).split("\n").slice(-TAIL_LINES).join("\n");
  return said === "" ? how : `${how}:\n${said}`;
}
