/** How bootstrap runs what it needs: programs by their arguments, and `boma-master` as any shell of root does. */
import { spawn } from "node:child_process";

import { BomaError, escapeControl } from "@boma/protocol";

/** The user that the master runs as; its home and its site belong to it. */
export const MASTER_USER = "boma-master";
export const MASTER_HOME = "/var/lib/boma-master";
const MASTER = "/usr/bin/boma-master";

export interface Ended {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

interface Options {
  readonly stdin?: string;
  /** It prints to the terminal itself. */
  readonly live?: boolean;
}

const OUTPUT_CHARS_MAX = 64 * 1024 * 1024;
const TOLD_CHARS_MAX = 2_000;

/** Runs a program to its end. One that is not there ends with 127, as in a shell. */
export function run(argv: readonly string[], { stdin = "", live = false }: Options = {}): Promise<Ended> {
  const { promise, resolve } = Promise.withResolvers<Ended>();
  const child = spawn(argv[0]!, argv.slice(1), {
    stdio: ["pipe", live ? "inherit" : "pipe", live ? "inherit" : "pipe"],
  });
  const texts = { stdout: "", stderr: "" };
  for (const name of ["stdout", "stderr"] as const)
    child[name]?.setEncoding("utf8").on("data", (text: string) => {
      if (texts[name].length < OUTPUT_CHARS_MAX) texts[name] += text;
    });
  child.stdin?.on("error", () => undefined);
  child.stdin?.end(stdin);
  child.once("error", (error) => resolve({ code: 127, stdout: "", stderr: error.message }));
  child.once("close", (code) => resolve({ code: code ?? 128, ...texts }));
  return promise;
}

/** What it printed, where anything but success ends the bootstrap. */
export async function must(argv: readonly string[], options: Options = {}): Promise<string> {
  const { code, stdout, stderr } = await run(argv, options);
  if (code === 0) return stdout;
  throw failed(argv.slice(0, 3).join(" "), code, stderr.trim() || stdout.trim());
}

/** A command of the master: root is given up by its wrapper. */
export const master = (words: readonly string[], options: Options = {}): Promise<Ended> =>
  run([MASTER, ...words], options);
export const mustMaster = (words: readonly string[], options: Options = {}): Promise<string> =>
  must([MASTER, ...words], options);

/** A JSON document of the master; what it complains of instead is thrown as it said it. */
export async function askMaster<T>(words: readonly string[]): Promise<T> {
  const { code, stdout, stderr } = await master([...words, "--json"]);
  const said = documentOf(stdout);
  if (code === 0 && said !== undefined) return said as T;
  const { message } = (said as { error?: { message?: string } } | undefined)?.error ?? {};
  throw failed(
    `boma-master ${words.slice(0, 2).join(" ")}`,
    code,
    message ?? (stderr.trim() || stdout.trim()),
  );
}

export function documentOf(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}

const failed = (what: string, code: number, said: string): BomaError =>
  new BomaError(
    "bootstrap/step",
    `${what} ended with ${code}: ${escapeControl(said.slice(-TOLD_CHARS_MAX))}`,
  );

/** As a user of the system: what it makes is that user's, and what that user may not do does not happen. */
export const as = (user: string, argv: readonly string[]): readonly string[] => [
  "setpriv",
  `--reuid=${user}`,
  `--regid=${user}`,
  "--init-groups",
  "--reset-env",
  "--",
  ...argv,
];

/** A property of a unit, as systemd says it. */
export async function unit(name: string, property: string): Promise<string> {
  return (await run(["systemctl", "show", `--property=${property}`, "--value", name])).stdout.trim();
}

export const isActive = async (name: string): Promise<boolean> =>
  (await unit(name, "ActiveState")) === "active";

/** What a service last complained of, for whoever has to mend it. */
export async function lastWord(name: string): Promise<string> {
  const words = ["--quiet", "--no-pager", "--output=cat", "--lines=20", "--unit", name];
  const { stdout } = await run(["journalctl", ...words]);
  const line = stdout.split("\n").findLast((one) => one.includes("error["));
  return line === undefined ? "" : `: ${escapeControl(line.trim())}`;
}
