/** A program from its start to its end: how long it took, how it ended, and what it held at most. */
import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";

const LOOK_MS = 20;

export interface Timed {
  readonly ms: number;
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
  /** The most that the process itself had in memory, as the kernel noted it until 20 ms before its end. */
  readonly peakMb: number;
}

export interface Program {
  readonly argv: readonly [string, ...string[]];
  readonly env?: Readonly<Record<string, string>>;
}

export function timed({ argv: [command, ...args], env }: Program): Promise<Timed> {
  const { promise, resolve, reject } = Promise.withResolvers<Timed>();
  const began = performance.now();
  const child = spawn(command, args, { stdio: ["ignore", "pipe", "pipe"], env: { ...process.env, ...env } });
  let peakMb = 0;
  const timer = setInterval(() => (peakMb = Math.max(peakMb, peakOf(child.pid!))), LOOK_MS);
  const said = { stdout: "", stderr: "" };
  for (const name of ["stdout", "stderr"] as const)
    child[name].setEncoding("utf8").on("data", (text: string) => (said[name] += text));
  child.on("error", (thrown) => {
    clearInterval(timer);
    reject(thrown);
  });
  child.on("close", (code) => {
    clearInterval(timer);
    resolve({ ...said, code, ms: performance.now() - began, peakMb });
  });
  return promise;
}

function peakOf(pid: number): number {
  try {
    const status = readFileSync(`/proc/${pid}/status`, "utf8");
    return Number(/^VmHWM:\s+(\d+) kB/m.exec(status)?.[1] ?? 0) / 1024;
  } catch {
    return 0;
  }
}
