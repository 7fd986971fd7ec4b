/**
 * Asking a Ceph cluster. The program waits for ever where there is no quorum, so
 * that it is bounded twice; and what it exits with means little, so that what it
 * says as JSON is all that counts.
 */
import { BomaError } from "@boma/protocol";
import type { z } from "zod";

import type { Commands, ReadCommands } from "../../host/commands.ts";

const CONNECT_S = 5;
const ASK_MS = 20_000;
const TELL_MS = 120_000;
const KEEP_BYTES = 32 * 1024 * 1024;

export type Asked<T> = { readonly said: T } | { readonly silent: string };

/** As somebody else than the administrator. */
export interface As {
  readonly name: string;
  readonly keyring: string;
}

export const cephArgv = (words: string, as?: As): string[] => [
  "ceph",
  "--connect-timeout",
  String(CONNECT_S),
  "--format",
  "json",
  ...(as ? ["--name", as.name, "--keyring", as.keyring] : []),
  ...words.split(" "),
];

/** What a question is answered with, or why nothing came. */
export async function ask<T>(
  commands: ReadCommands,
  words: string,
  schema: z.ZodType<T>,
  as?: As,
): Promise<Asked<T>> {
  return askProgram(commands, cephArgv(words, as), schema);
}

/** The same of a program that prints JSON. */
export async function askProgram<T>(
  commands: ReadCommands,
  argv: readonly string[],
  schema: z.ZodType<T>,
): Promise<Asked<T>> {
  let said: string;
  try {
    const { stdout, stderr, cut } = await commands.read({ argv, timeoutMs: ASK_MS, keepBytes: KEEP_BYTES });
    if (cut) return { silent: "its answer is too long" };
    // Also beside a failure it may say what it was asked: no `ok-to-stop` is an answer as well.
    if (!/^\s*[{[]/.test(stdout))
      return { silent: lastLine(stderr) || lastLine(stdout) || "it said nothing" };
    said = stdout;
  } catch (thrown) {
    if (thrown instanceof BomaError && thrown.code === "state/command-failed")
      return { silent: `no answer within ${ASK_MS / 1000} s` };
    throw thrown;
  }
  const read = schema.safeParse(parsed(said));
  return read.success ? { said: read.data } : { silent: "it answered otherwise than this release knows" };
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

const lastLine = (text: string): string => text.trim().split("\n").at(-1)?.slice(0, 300) ?? "";

/** For those who cannot go on without: throws `ceph/silent` where nobody answers. */
export function heard<T>(asked: Asked<T>): T {
  if ("said" in asked) return asked.said;
  throw silence(asked.silent);
}

export const silence = (why: string): BomaError =>
  new BomaError("ceph/silent", `the Ceph cluster did not answer: ${why}`);

/** Tells the cluster to change something. What it prints is not shown to anybody: it may hold keys. */
export async function tell(
  commands: Commands,
  words: string,
  { stdin, as }: { readonly stdin?: string; readonly as?: As } = {},
): Promise<string> {
  const argv = cephArgv(words, as);
  const { exitCode, stdout, stderr } = await commands.run({ argv, stdin, quiet: true, timeoutMs: TELL_MS });
  if (exitCode === 0) return stdout;
  throw new BomaError(
    "state/command-failed",
    `ceph ${words}: ${lastLine(stderr) || `exited with ${exitCode}`}`,
  );
}
