/** One row of the table of errors, and the exit codes that they lead to. */
export interface Row {
  /** What it means, for docs/errors.md. */
  readonly means: string;
  /** What to do when the thrower has nothing better to say. */
  readonly hint: string;
  readonly exit: ExitCode;
}

/** 0 all as wished, 1 some node failed, 2 nothing was sent, 3 no bus or master, 4 no node matched, 5 incomplete. */
export const ExitCode = {
  ok: 0,
  failed: 1,
  usage: 2,
  unreachable: 3,
  noMatch: 4,
  incomplete: 5,
} as const;
export type ExitCode = (typeof ExitCode)[keyof typeof ExitCode];

export const usage = (means: string, hint: string): Row => ({ means, hint, exit: ExitCode.usage });
export const failed = (means: string, hint: string): Row => ({ means, hint, exit: ExitCode.failed });
export const incomplete = (means: string, hint: string): Row => ({ means, hint, exit: ExitCode.incomplete });
export const unreachable = (means: string, hint: string): Row => ({
  means,
  hint,
  exit: ExitCode.unreachable,
});
