/**
 * Terraform as a process. It is never killed: an interrupt is sent once, and its end awaited, because one that dies in an
 * apply leaves objects that no state knows. For the same reason its output goes into a file and not into a pipe, which
 * would end it with its next line after an agent that was killed.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { type FileHandle, open, rm } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";

import { BomaError } from "@boma/protocol";
import type { OutputLine } from "@boma/states/core";

import { messageOf } from "../files.ts";
import { environment } from "../host/commands.ts";
import { splitLines } from "../host/lines.ts";

/** What a plan may be as JSON, in this process's memory. */
const CAPTURED_BYTES_MAX = 96 * 1024 * 1024;
const STDERR_BYTES_MAX = 1024 * 1024;
const LOOK_MS = 100;
const READ_BYTES = 64 * 1024;

export interface ProgramWorld {
  readonly program: string;
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
  /** Interrupts what runs. */
  readonly signal: AbortSignal;
  /** Hears which process it is, before its end. */
  readonly started: (pid: number) => Promise<void>;
}

interface Running {
  readonly child: ChildProcess;
  readonly closed: Promise<unknown>;
  readonly noted: Promise<void>;
}

export interface Captured {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Whatever decides how Terraform behaves is ours to say, and nothing of the agent's own reaches it. */
export function cleanEnvironment(added: Readonly<Record<string, string>>): Record<string, string> {
  const kept = Object.entries(environment(undefined)).filter(([name]) => !/^TF_/i.test(name));
  return { ...Object.fromEntries(kept), ...added };
}

/** What it prints stays in memory: states and plans as JSON. */
export async function capture(world: ProgramWorld, args: readonly string[]): Promise<Captured> {
  const running = begin(world, args, ["ignore", "pipe", "pipe"]);
  // Before anything is awaited: what nobody listens to is thrown away as soon as the program has ended.
  const stdout = gather(running.child.stdout!, CAPTURED_BYTES_MAX);
  const stderr = gather(running.child.stderr!, STDERR_BYTES_MAX);
  const code = await ended(running, world.signal);
  return { code, stdout: stdout(), stderr: stderr() };
}

/** What it prints is told line by line, from a file that goes with it. */
export async function tell(
  world: ProgramWorld,
  args: readonly string[],
  { log, line }: { readonly log: string; readonly line: (line: OutputLine) => void },
): Promise<number | null> {
  const file = await open(log, "w+", 0o600);
  try {
    const running = begin(world, args, ["ignore", file.fd, file.fd]);
    const lines = splitLines((text) => line({ stream: "stdout", text }));
    const over = new AbortController();
    const reading = follow(file, (bytes) => lines.add(bytes), over.signal);
    // Whatever becomes of the reading, the end of the program is awaited.
    reading.catch(() => undefined);
    const code = await ended(running, world.signal);
    over.abort();
    await reading;
    lines.end();
    return code;
  } finally {
    await file.close();
    await rm(log, { force: true });
  }
}

function begin(
  { program, cwd, env, signal, started }: ProgramWorld,
  args: readonly string[],
  stdio: ["ignore", "pipe" | number, "pipe" | number],
): Running {
  signal.throwIfAborted();
  const child = spawn(program, args, { cwd, env: cleanEnvironment(env), stdio, detached: true });
  const closed = once(child, "close").catch((cause: unknown) => {
    throw new BomaError("terraform/program", `${program} cannot be started: ${messageOf(cause)}`, { cause });
  });
  closed.catch(() => undefined);
  // Without the note it is only less well known after a crash; it runs by now, and is awaited.
  const noted = child.pid === undefined ? Promise.resolve() : started(child.pid).catch(() => undefined);
  return { child, closed, noted };
}

/** The program alone is told to stop; it says itself to what it has started how that ends. */
async function ended({ child, closed, noted }: Running, signal: AbortSignal): Promise<number | null> {
  const interrupt = (): void => void child.kill("SIGINT");
  signal.addEventListener("abort", interrupt, { once: true });
  if (signal.aborted) interrupt();
  try {
    await closed;
    await noted;
    return child.exitCode;
  } finally {
    signal.removeEventListener("abort", interrupt);
  }
}

async function follow(file: FileHandle, take: (bytes: Buffer) => void, over: AbortSignal): Promise<void> {
  const buffer = Buffer.alloc(READ_BYTES);
  for (let at = 0; ;) {
    const isOver = over.aborted;
    const { bytesRead } = await file.read(buffer, 0, buffer.length, at);
    at += bytesRead;
    if (bytesRead > 0) take(Buffer.from(buffer.subarray(0, bytesRead)));
    else if (isOver) return;
    else await sleep(LOOK_MS, undefined, { signal: over }).catch(() => undefined);
  }
}

function gather(stream: NodeJS.ReadableStream, bytesMax: number): () => string {
  const parts: Buffer[] = [];
  let bytes = 0;
  stream.on("data", (part: Buffer) => {
    bytes += part.length;
    if (bytes <= bytesMax) parts.push(part);
  });
  return () => {
    if (bytes <= bytesMax) return Buffer.concat(parts).toString("utf8");
    throw new BomaError("terraform/failed", `the program printed ${bytes} bytes, more than ${bytesMax}`);
  };
}
