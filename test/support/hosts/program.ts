/** A program that is run to its end: bounded in time and in output. */
import { type ChildProcess, spawn } from "node:child_process";

export interface ProgramEnd {
  /** Null when a signal ended it. */
  readonly exitCode: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface ProgramOptions {
  readonly stdin?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly timeoutMs?: number;
}

/** What is longer than this is no longer something that a test reads. */
const OUTPUT_BYTES_MAX = 16 * 1024 * 1024;

const TIMEOUT_MS = 60_000;

export const shown = (argv: readonly string[]): string => argv.join(" ").slice(0, 300);

/** A child that a bound may have to end; all of them end with this process. */
const living = new Set<ChildProcess>();
process.on("exit", () => {
  for (const child of living) child.kill("SIGKILL");
});

export function keepWithUs(child: ChildProcess): void {
  living.add(child);
  child.once("close", () => living.delete(child));
}

export async function runProgram(argv: readonly string[], options: ProgramOptions = {}): Promise<ProgramEnd> {
  const { stdin = "", env, timeoutMs = TIMEOUT_MS } = options;
  const [program = "", ...args] = argv;
  const child = spawn(program, args, {
    stdio: ["pipe", "pipe", "pipe"],
    env: { ...process.env, LC_ALL: "C.UTF-8", ...env },
  });
  keepWithUs(child);
  let ended = "";
  const end = (why: string) => {
    ended ||= why;
    child.kill("SIGKILL");
    // A grandchild may hold the pipes open; nobody reads them any more.
    child.stdout.destroy();
    child.stderr.destroy();
  };
  const timer = setTimeout(() => end(`did not end within ${timeoutMs} ms`), timeoutMs);
  const said = { stdout: [] as Buffer[], stderr: [] as Buffer[], bytes: 0 };
  for (const name of ["stdout", "stderr"] as const)
    child[name].on("data", (data: Buffer) => {
      said.bytes += data.length;
      if (said.bytes > OUTPUT_BYTES_MAX) return end(`printed more than ${OUTPUT_BYTES_MAX} bytes`);
      said[name].push(data);
    });
  child.stdin.on("error", () => undefined); // It may end without reading what it was given.
  child.stdin.end(stdin);
  const text = (name: "stdout" | "stderr") => Buffer.concat(said[name]).toString();
  try {
    const exitCode = await new Promise<number | null>((resolve, reject) => {
      child.once("error", reject);
      child.once("close", resolve);
    });
    if (ended) throw new Error(`${shown(argv)} ${ended}:\n${text("stdout")}${text("stderr")}`);
    return { exitCode, stdout: text("stdout"), stderr: text("stderr") };
  } finally {
    clearTimeout(timer);
  }
}

/** The same, where anything but success is a broken test; what it printed. */
export async function mustRun(argv: readonly string[], options: ProgramOptions = {}): Promise<string> {
  const { exitCode, stdout, stderr } = await runProgram(argv, options);
  if (exitCode !== 0) throw new Error(`${shown(argv)} ended with ${exitCode}:\n${stdout}${stderr}`);
  return stdout;
}
