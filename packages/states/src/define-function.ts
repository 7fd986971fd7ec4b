import { BomaError } from "@boma/protocol";
import { z } from "zod";

import type { FunctionHost } from "./function-host.ts";
import type { OutputLine } from "./host/commands.ts";
import type { StateRunner } from "./state-runner.ts";
import type { WorkspaceRunner } from "./terraform/port.ts";

/** What a running function can say and must heed. */
export interface Call {
  /** The id of the job: the same when it is taken up again after a restart. */
  readonly job: string;
  readonly host: FunctionHost;
  /** Ends the call: cancelled, out of time, or the agent stops. */
  readonly signal: AbortSignal;
  /** Sends a line of output at once, while the function goes on. */
  readonly line: (line: OutputLine) => void;
  /** A dry run: nothing may be changed. */
  readonly test: boolean;
  /** What this agent can run, for those who ask about that. */
  readonly functions: Readonly<Record<string, AnyFunction>>;
  /** The catalog of this job; only functions that bring one have it. */
  readonly states?: StateRunner | undefined;
  /** The workspace of this job; only the functions `terraform.*` have it. */
  readonly workspace?: WorkspaceRunner | undefined;
}

export interface FunctionSpec<P extends z.ZodObject, R extends z.ZodType> {
  /** `module.function`, and so the path of the file it is in. */
  readonly name: `${string}.${string}`;
  readonly summary: string;
  readonly params: P;
  /** Parameters that may be given without their names, in this order; a last list takes all that is left. */
  readonly positional?: readonly (keyof z.input<P> & string)[];
  readonly result: R;
  /** A read may be repeated and is not worth waiting for; a write is neither. Roles and policies ask this. */
  readonly effect: "read" | "write";
  /** What becomes of it when the agent stops in the middle. */
  readonly onRestart: "fail" | "resume";
  readonly timeoutMs?: number;
  readonly examples: readonly string[];
  /** The master compiles a catalog for each node and sends it along. */
  readonly bringsCatalog?: boolean;
  /** One node at a time: the name of what the master lets no second job have while this one runs. */
  readonly lease?: (params: Readonly<Record<string, unknown>>) => string;
  /** Only a person may ask for it: no reactor, and no schedule. */
  readonly attended?: true;
  /** A write that honours `call.test`; the others are refused in a dry run rather than run. */
  readonly dryRun?: boolean;
  run(params: z.output<P>, call: Call): Promise<z.input<R>>;
  /** How the result counts; `ok` where it is not said. */
  outcome?(result: z.output<R>): "ok" | "changed" | "failed";
}

// oxlint-disable-next-line typescript/no-explicit-any -- the one place where all functions are alike.
export type AnyFunction = FunctionSpec<any, any>;

/** The time that a function may take on a node where neither it nor the operator says otherwise. */
export const FUNCTION_TIMEOUT_MS = 5 * 60_000;

export const defineFunction = <P extends z.ZodObject, R extends z.ZodType>(
  spec: FunctionSpec<P, R>,
): FunctionSpec<P, R> => spec;

/** A dry run that would really run is a lie: what cannot be tested is refused, on the master and on the node. */
export function assertTestable({ name, effect, dryRun }: AnyFunction, test: boolean): void {
  if (test && effect === "write" && !dryRun)
    throw new BomaError("function/no-test", `${name} cannot say what it would change; it was not run`);
}

/** Checks arguments against the function's schema, on the master before they are sent and on the node again. */
export function checkArguments(spec: AnyFunction, args: unknown): Record<string, unknown> {
  const read = z.safeParse(spec.params as z.ZodObject, args);
  if (read.success) return read.data;
  throw new BomaError(
    "function/arguments",
    `${spec.name} cannot take these arguments:\n${z.prettifyError(read.error)}`,
    {
      hint: `\`boma-master doc ${spec.name}\` shows what it takes.`,
    },
  );
}
