import type { Grains } from "@boma/protocol";

/** What functions may use of a machine. The agent brings the real one, tests and emulated nodes one of memory. */
export interface Host {
  readonly grains: {
    /** The grains as they are at this moment. */
    collect(): Promise<Grains>;
  };
  readonly commands: {
    /** Runs a program in a process group of its own, which ends with the call, whatever way that ends. */
    run(command: Command, out: (line: OutputLine) => void, signal: AbortSignal): Promise<Exit>;
  };
  readonly agent: {
    status(): AgentStatus;
  };
}

export interface Command {
  /** The program and its arguments; with `shell`, one line for /bin/sh. */
  readonly argv: readonly string[];
  readonly shell: boolean;
  readonly cwd?: string | undefined;
  readonly env?: Readonly<Record<string, string>> | undefined;
  readonly user?: string | undefined;
  readonly stdin?: string | undefined;
}

export interface OutputLine {
  readonly stream: "stdout" | "stderr";
  readonly text: string;
}

export interface Exit {
  readonly exitCode: number | null;
  readonly signal: string | null;
  readonly stdout: string;
  readonly stderr: string;
  /** Output was longer than a result may be, and its middle was left out. */
  readonly cut: boolean;
}

export interface AgentStatus {
  readonly id: string;
  readonly version: string;
  readonly node: string;
  readonly pid: number;
  readonly uptimeMs: number;
  readonly rssBytes: number;
  readonly running: readonly { readonly job: string; readonly function: string; readonly ms: number }[];
  readonly queued: number;
  readonly journalBytes: number;
  readonly clockOffsetMs: number;
  readonly confined: boolean;
}
