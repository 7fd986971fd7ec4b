/** One run of a schedule, by the same checks as a job: the journal, the node's policy, the arguments, the time. */
import { asBomaError, BomaError } from "@boma/protocol";
import {
  type AnyFunction,
  asReport,
  checkArguments,
  type FunctionHost,
  type OutputLine,
  type Schedule,
  timeoutOf,
} from "@boma/states/core";

import { callFunction, functionOf } from "../call-function.ts";
import type { CallSession } from "../host/hosts.ts";
import type { Outcome } from "../outcome.ts";
import type { Policy } from "../policy.ts";
import { type CachedRuns, runnerOfCached } from "./cached-runs.ts";

export interface RunPorts {
  readonly functions: Readonly<Record<string, AnyFunction>>;
  readonly policy: () => Policy;
  /** The journal is damaged: nobody can tell what this node has done. */
  readonly corrupt: () => boolean;
  readonly host: (session: CallSession) => FunctionHost;
  readonly cached?: CachedRuns | undefined;
}

export interface Scheduled {
  readonly schedule: Schedule;
  readonly controller: AbortController;
}

export interface Ended {
  readonly status: Outcome["status"];
  readonly comment: string;
}

const COMMENT_LENGTH_MAX = 500;

/** What refuses it throws, before anything was begun. */
function checkScheduled(
  { functions, policy, corrupt }: RunPorts,
  schedule: Schedule,
): { spec: AnyFunction; args: Record<string, unknown> } {
  if (corrupt())
    throw new BomaError(
      "journal/corrupt",
      "this node's journal is damaged: it cannot tell what it has done already",
    );
  const spec = functionOf(functions, schedule.function);
  policy().check(spec.name, spec.effect);
  return { spec, args: checkArguments(spec, schedule.args) };
}

/** `undefined` when the agent stops. */
export async function runScheduled(
  ports: RunPorts,
  { schedule, controller }: Scheduled,
): Promise<Ended | undefined> {
  const { signal } = controller;
  const { spec, args } = checkScheduled(ports, schedule);
  // Nobody follows it: what it prints is not kept, and how it ended is told.
  const line = (_line: OutputLine): void => undefined;
  const who = `schedule ${schedule.name}`;
  const context = {
    job: who,
    host: ports.host({ signal, line }),
    functions: ports.functions,
    signal,
    line,
    test: false,
    states: spec.bringsCatalog ? runnerOfCached(ports.cached, { who, signal, line }) : undefined,
  };
  const outcome = await callFunction(spec, args, {
    context,
    controller,
    timeoutMs: timeoutOf(schedule, spec),
  });
  return outcome && endedOf(outcome);
}

/** Without a catalog that can be believed nothing was begun. */
const NO_CATALOG: ReadonlySet<string> = new Set(["state/no-catalog", "drift/catalog"]);

const endedOf = (outcome: Outcome): Ended => ({
  status: NO_CATALOG.has(outcome.error?.code ?? "") ? "refused" : outcome.status,
  comment: commentOf(outcome).slice(0, COMMENT_LENGTH_MAX),
});

export const refusalOf = (thrown: unknown): Ended => ({
  status: "refused",
  comment: asBomaError(thrown).message.slice(0, COMMENT_LENGTH_MAX),
});

function commentOf({ error, value }: Outcome): string {
  if (error) return error.message;
  const report = asReport(value);
  if (report)
    return Object.entries(report.summary)
      .filter(([name, count]) => count > 0 && name !== "total" && name !== "ms")
      .map(([name, count]) => `${count} ${name}`)
      .join(", ");
  const code = typeof value === "object" && value !== null && "exitCode" in value ? value.exitCode : 0;
  return typeof code === "number" && code !== 0 ? `exit code ${code}` : "";
}
