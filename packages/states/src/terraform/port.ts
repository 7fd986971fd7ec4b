/** What a function may do with the workspace that its job brings. */
import { BomaError } from "@boma/protocol";

import type { Call } from "../define-function.ts";
import type { ApplyResult, BackupList, Bound, DriftResult, OutputResult, PlanResult } from "./results.ts";

export interface WorkspaceRunner {
  /** The job's id is the plan's. */
  plan(options: { readonly destroy: boolean }): Promise<PlanResult>;
  apply(plan: string, bound: Bound): Promise<ApplyResult>;
  drift(): Promise<DriftResult>;
  output(): Promise<OutputResult>;
  unlock(lock: string): Promise<{ readonly workspace: string; readonly said: string }>;
  /** Forgets a plan. */
  discard(
    plan: string,
  ): Promise<{ readonly workspace: string; readonly plan: string; readonly was: boolean }>;
  backups(): Promise<BackupList>;
  restore(backup: string): Promise<{ readonly workspace: string; readonly serial: number }>;
}

export function workspaceOf({ workspace }: Pick<Call, "workspace">): WorkspaceRunner {
  if (workspace) return workspace;
  throw new BomaError("state/no-catalog", "the job came without a workspace", {
    hint: "Workspaces are run by jobs of the master: `boma-master terraform plan NAME`.",
  });
}
