/** What a function that brings a catalog can do with it. */
import { BomaError } from "@boma/protocol";

import type { Catalog } from "./catalog/catalog.ts";
import type { Call } from "./define-function.ts";
import type { RunReport } from "./engine/report.ts";

export interface StateRunner {
  /** The catalog that the master compiled for this node and this job. */
  catalog(): Promise<Catalog>;
  /** With `maintenance`, what is protected may be restarted. */
  run(mode: "apply" | "plan", options?: { readonly maintenance?: boolean }): Promise<RunReport>;
}

export function runnerOf({ states }: Pick<Call, "states">): StateRunner {
  if (states) return states;
  throw new BomaError("state/no-catalog", "the job came without a catalog", {
    hint: "The master may be of an older release than this agent.",
  });
}

export const outcomeOfReport = ({ ok, summary }: RunReport): "ok" | "changed" | "failed" =>
  !ok ? "failed" : summary.changed > 0 ? "changed" : "ok";
