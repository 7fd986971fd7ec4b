import { createHash } from "node:crypto";

import { BomaError, splitWords } from "@boma/protocol";
import { z } from "zod";

import { type Changes, diff } from "../../changes.ts";
import { defineState } from "../../define-state.ts";
import type { Command, Exit } from "../../host/commands.ts";
import type { Files } from "../../host/files.ts";
import { Path } from "../file/parameters.ts";

const Words = z.union([z.string().min(1).max(65_536), z.array(z.string().max(65_536)).min(1).max(1024)]);
const ONCE = "/var/lib/boma/once";
const TAIL_LINES = 20;

const Params = z
  .strictObject({
    name: z
      .string()
      .min(1)
      .max(4096)
      .describe("What it does, in words; without `command` the command itself."),
    command: Words.optional().describe(
      "The program and its arguments as a list; a text is split into words, quotes included, and no shell reads it.",
    ),
    shell: z.boolean().default(false).describe("Give the text to /bin/sh, with its pipes and variables."),
    cwd: Path.optional().describe("The directory to run in."),
    env: z
      .record(z.string().regex(/^[A-Za-z_][A-Za-z0-9_]*$/), z.string())
      .optional()
      .describe("Variables to add to the environment."),
    user: z
      .string()
      .min(1)
      .max(64)
      .optional()
      .describe("The user to run as; the agent's own where not said."),
    stdin: z.string().optional().describe("Text for standard input, which is closed where nothing is said."),
    successCodes: z
      .array(z.int().min(0).max(255))
      .min(1)
      .default([0])
      .describe("Exit codes that mean success."),
    check: Words.optional().describe(
      "A command that only looks: it exits with 0 when there is nothing to do, and is asked again afterwards.",
    ),
    once: z
      .boolean()
      .default(false)
      .describe("Run it until it has succeeded once, and again when it is another command."),
  })
  .refine(
    ({ check, once }) => check === undefined || !once,
    "`check` and `once` are two ways to say the same: take one",
  )
  .refine(({ shell, command }) => !shell || !Array.isArray(command), "with `shell` the command is one text")
  .refine(({ name, command = name, shell, check }) => {
    const lines = [...(shell ? [] : [command]), ...(check === undefined || shell ? [] : [check])];
    return lines.every((line) => Array.isArray(line) || isWords(line));
  }, "a quote is not closed, or there is no word at all");
type Want = z.output<typeof Params>;
type Line = z.output<typeof Words>;

function isWords(line: string): boolean {
  try {
    return splitWords(line).length > 0;
  } catch {
    return false;
  }
}

/** Where what is done can be told from what is not. */
const canTell = ({ check, once }: Want): boolean => check !== undefined || once;

export default defineState({
  name: "cmd.run",
  summary: "Runs a command: each time, or until its check or its first success says that it is done.",
  key: "name",
  params: Params,
  secretive: ["env", "stdin"],
  claims: (want) => (want.once ? [`file:${markOf(want)}`] : []),
  after: ({ user, cwd }) => [
    ...(user === undefined ? [] : [`user:${user}`]),
    ...(cwd === undefined ? [] : [`file:${cwd}`]),
  ],
  warnings: (want, { unless, onlyIf, creates }) =>
    canTell(want) || [unless, onlyIf, creates].some((guard) => guard !== undefined)
      ? []
      : [
          "nothing says when it is done, so it runs and is a change every time; `check`, `once`, `creates`, `unless` or `onlyIf` does",
        ],
  converges: canTell,

  async check(want, { commands, files }): Promise<Changes<{ run: string }>> {
    if (want.once && (await files.stat(markOf(want)))) return {};
    if (want.check !== undefined) {
      const { exitCode } = await commands.read(commandOf(want, want.check));
      if (exitCode === 0) return {};
    }
    return diff<{ run: string }>(undefined, { run: shown(want) });
  },

  async apply(_, want, { commands, files }) {
    const exit = await commands.run({ ...commandOf(want), stdin: want.stdin });
    if (exit.exitCode === null || !want.successCodes.includes(exit.exitCode)) throw failed(want, exit);
    if (want.once) await mark(want, files);
  },

  examples: [
    {
      title: "a database, unless it is there",
      key: "make the shop's database",
      params: { command: ["createdb", "shop"], check: ["test", "-e", "/var/lib/db/shop"] },
      given: { commands: { createdb: { makes: { "/var/lib/db/shop": "" } } } },
    },
    {
      title: "once in the life of this machine",
      key: "dpkg-reconfigure --frontend noninteractive openssh-server",
      params: { once: true },
      given: { commands: { "dpkg-reconfigure": {} }, files: { "/var/lib": { directory: true } } },
    },
    {
      title: "a line for a shell, every time",
      key: "df -h / | tail -1 >> /var/log/space",
      params: { shell: true },
      given: { commands: { "df -h / | tail -1 >> /var/log/space": {} } },
    },
  ],
});

const shown = ({ name, command = name }: Want): string =>
  Array.isArray(command) ? command.join(" ") : command;

function commandOf({ name, command = name, shell, cwd, env, user }: Want, words: Line = command): Command {
  const asShell = shell && !Array.isArray(words);
  const argv = Array.isArray(words) ? words : asShell ? [words] : splitWords(words);
  return { argv, shell: asShell, cwd, env, user };
}

/** A file for each command that ran; what is secret in it is not part of its name. */
function markOf(want: Want): string {
  const { argv, shell, cwd, user } = commandOf(want);
  const digest = createHash("sha256")
    .update(JSON.stringify([argv, shell, cwd ?? null, user ?? null]))
    .digest("hex");
  return `${ONCE}/${digest}`;
}

async function mark(want: Want, files: Files): Promise<void> {
  for (const directory of ["/var/lib/boma", ONCE])
    if (!(await files.stat(directory))) await files.makeDirectory(directory, { mode: "0700" });
  await files.write(markOf(want), `${JSON.stringify(shown(want))}\n`, { mode: "0600" });
}

function failed({ name }: Want, { exitCode, signal, stdout, stderr }: Exit): BomaError {
  const how = exitCode === null ? `was ended by ${signal}` : `exited with ${exitCode}`;
  const said = (stderr.trim() || stdout.trim()).split("\n").slice(-TAIL_LINES).join("\n");
  return new BomaError("state/command-failed", `${name} ${how}${said === "" ? "" : `:\n${said}`}`);
}
