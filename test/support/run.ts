/** What the tests of jobs read from the command line. */
import type { Fleet } from "./fleet.ts";
import type { TestProcess } from "./process.ts";

export interface NodeEnd {
  readonly status: string;
  readonly return?: unknown;
  readonly error?: { readonly code: string; readonly message: string; readonly hint?: string };
}

export interface CommandEnd {
  readonly exitCode: number | null;
  readonly signal: string | null;
  readonly stdout: string;
  readonly stderr: string;
  readonly cut: boolean;
}

/** The document of `run --json`. */
export interface RunDocument {
  readonly job: string;
  readonly state: string;
  readonly expected: readonly string[];
  readonly nodes: Readonly<Record<string, NodeEnd>>;
  readonly summary: Readonly<Record<string, number>>;
  readonly ok: boolean;
}

export interface Failure {
  readonly ok: false;
  readonly error: { readonly code: string; readonly message: string; readonly hint: string };
}

export const run = (fleet: Fleet, ...args: readonly string[]) => fleet.json<RunDocument>("run", ...args);

/** What one node returned from `cmd.run`. */
export const commandEnd = (document: RunDocument, id: string): CommandEnd =>
  document.nodes[id]!.return as CommandEnd;

/** The id of the job that a command in text mode follows. */
export async function jobOf(process: TestProcess): Promise<string> {
  const line = await process.line(/^job [0-9A-Z]{26}:/);
  return line.slice(4, 30);
}
