/**
 * Programs on the real machine. Each runs in a process group of its own, and
 * the group ends with the call; when the call is ended from outside, everything
 * that the program has started ends with it.
 */
import { randomBytes } from "node:crypto";
import { stat } from "node:fs/promises";

import { BomaError, RESULT_BYTES_MAX } from "@boma/protocol";
import type { Command, Exit, OutputLine } from "@boma/states/core";

import { hasCode, messageOf } from "../files.ts";
import { EndsBuffer } from "../output.ts";
import { splitLines } from "./lines.ts";
import { endTree, MARK } from "./process-tree.ts";
import { assertMayBecome, findUser, type User } from "./users.ts";

/** Both streams together must fit into a result, with room for what stands around them. */
const OUTPUT_BYTES_MAX = RESULT_BYTES_MAX / 2;
/** Whoever left the group may hold the pipes open for ever; the call waits so long for what is in them. */
const PIPES_MS = 500;
const DEFAULT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

export async function runProgram(
  command: Command,
  out: (line: OutputLine) => void,
  signal: AbortSignal,
): Promise<Exit> {
  signal.throwIfAborted();
  const user = command.user === undefined ? undefined : await findUser(command.user);
  if (user) assertMayBecome(user);
  if (command.cwd !== undefined) await assertDirectory(command.cwd);
  const mark = randomBytes(9).toString("base64url");
  const child = await spawn(command, user, mark);
  const output = readOutput(child, out, command.keepBytes ?? OUTPUT_BYTES_MAX / 2);
  const ending = endWhenTold(child, mark, signal);
  const result = await child.result;
  await ending.settled();
  assertStarted(result, command);
  return { exitCode: result.exitCode ?? null, signal: result.signal ?? null, ...output.read() };
}

/** The part of execa's result that counts here. */
interface Result {
  readonly exitCode?: number | undefined;
  readonly signal?: string | undefined;
  readonly cause?: unknown;
}

interface Child {
  readonly pid: number | undefined;
  readonly stdout: NodeJS.ReadableStream;
  readonly stderr: NodeJS.ReadableStream;
  readonly result: Promise<Result>;
  /** Ends the reading, whoever still holds the other ends. */
  closePipes(): void;
}

async function spawn(command: Command, user: User | undefined, mark: string): Promise<Child> {
  const { execa } = await import("execa");
  const [file, ...args] = programOf(command, user);
  const child = execa(file!, args, {
    reject: false,
    buffer: false,
    encoding: "buffer",
    detached: true,
    cleanup: false,
    extendEnv: false,
    env: { ...environment(user, command.env), [MARK]: mark },
    ...(command.cwd !== undefined && { cwd: command.cwd }),
    ...(command.stdin === undefined ? { stdin: "ignore" } : { input: command.stdin }),
  });
  const closePipes = (): void => {
    child.stdout.destroy();
    child.stderr.destroy();
  };
  child.nodeChildProcess.once("exit", () => {
    endGroup(child.pid);
    const timer = setTimeout(closePipes, PIPES_MS);
    void child.finally(() => clearTimeout(timer));
  });
  // The child is a promise as well, and must not be handed through one.
  return {
    pid: child.pid,
    stdout: child.stdout,
    stderr: child.stderr,
    result: child.then((ended) => ended),
    closePipes,
  };
}

/** Only setpriv gives a user its supplementary groups; uid and gid alone would keep those of root. */
function programOf({ argv, shell }: Command, user: User | undefined): readonly string[] {
  const program = shell ? ["/bin/sh", "-c", ...argv] : argv;
  if (program.length === 0) throw new BomaError("function/arguments", "the command is empty");
  if (!user || process.getuid?.() !== 0) return program;
  return ["setpriv", `--reuid=${user.uid}`, `--regid=${user.gid}`, "--init-groups", "--", ...program];
}

/** The leader has ended; its pid stays taken while anybody is left in the group, so this hits nobody else. */
function endGroup(pid: number | undefined): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, "SIGKILL");
  } catch {
    // Nobody was left.
  }
}

const OWN_VARIABLE =
  /^(BOMA_|NATS_|NODE_|NOTIFY_SOCKET$|LISTEN_|CREDENTIALS_DIRECTORY$)|TOKEN|SECRET|PASSWORD/i;

/** The agent's environment without what is the agent's own, so that no token reaches a child. */
export function environment(
  user: User | undefined,
  added: Readonly<Record<string, string>> = {},
): Record<string, string> {
  const kept = Object.entries(process.env).flatMap(([name, value]) =>
    value === undefined || OWN_VARIABLE.test(name) ? [] : [[name, value] as const],
  );
  const own = user && { HOME: user.home, USER: user.name, LOGNAME: user.name };
  return { PATH: DEFAULT_PATH, ...Object.fromEntries(kept), ...own, ...added };
}

async function assertDirectory(path: string): Promise<void> {
  const held = await stat(path).catch((cause: unknown) => {
    throw new BomaError("function/failed", `the directory ${path} cannot be used: ${messageOf(cause)}`, {
      cause,
    });
  });
  if (!held.isDirectory()) throw new BomaError("function/failed", `${path} is not a directory`);
}

function readOutput(
  child: Child,
  out: (line: OutputLine) => void,
  keepBytes: number,
): { read(): Pick<Exit, "stdout" | "stderr" | "cut"> } {
  const read = (stream: "stdout" | "stderr"): (() => ReturnType<EndsBuffer["read"]>) => {
    const ends = new EndsBuffer(keepBytes);
    const lines = splitLines((text) => out({ stream, text }));
    child[stream].on("data", (chunk: Buffer) => {
      ends.add(chunk);
      lines.add(chunk);
    });
    return () => {
      lines.end();
      return ends.read();
    };
  };
  const stdout = read("stdout");
  const stderr = read("stderr");
  return {
    read() {
      const [left, right] = [stdout(), stderr()];
      return { stdout: left.text, stderr: right.text, cut: left.cut || right.cut };
    },
  };
}

/** Ends the whole tree when the signal says so. */
function endWhenTold(child: Child, mark: string, signal: AbortSignal): { settled(): Promise<void> } {
  let ending: Promise<void> | undefined;
  const end = (): void => {
    if (child.pid === undefined) return;
    ending ??= endTree({ root: child.pid, mark }).finally(() => child.closePipes());
  };
  signal.addEventListener("abort", end, { once: true });
  if (signal.aborted) end();
  return {
    async settled() {
      signal.removeEventListener("abort", end);
      await ending;
    },
  };
}

function assertStarted({ exitCode, signal, cause }: Result, { argv, shell }: Command): void {
  if (exitCode !== undefined || signal !== undefined) return;
  const program = shell ? "/bin/sh" : argv[0];
  if (hasCode(cause, "ENOENT"))
    throw new BomaError("function/failed", `no such program: ${program}`, {
      hint: "It must be in the agent's PATH, or be named by its whole path.",
    });
  if (hasCode(cause, "EACCES")) throw new BomaError("function/failed", `${program} may not be executed`);
  throw new BomaError("function/failed", `${program} could not be started: ${messageOf(cause)}`, { cause });
}
