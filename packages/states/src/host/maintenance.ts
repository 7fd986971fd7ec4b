/** What a node owes and may do in maintenance: for the functions that ask. */
import { z } from "zod";

import type { RunReport } from "../engine/report.ts";
import { NodeRole, type RoleSource } from "../maintenance/domain.ts";

export const OwedRestart = z.strictObject({
  /** The declaration whose refresh is owed. */
  id: z.string(),
  unit: z.string(),
  domain: z.string(),
  /** Why it waits. */
  why: z.string(),
  /** The declaration whose change made it owed, where that is known. */
  cause: z.string().nullable(),
  since: z.number().nullable(),
  window: z.strictObject({
    open: z.boolean(),
    /** The one that is open, or that opens next. */
    window: z.string().nullable(),
    /** When that closes, or opens. */
    at: z.number().nullable(),
  }),
  /** What this node is in the domain now; `null` where nobody was named who knows. */
  role: NodeRole.nullable(),
});
export type OwedRestart = z.output<typeof OwedRestart>;

export const MaintenancePending = z.strictObject({
  /** How many windows the node has. */
  windows: z.int(),
  owed: z.array(OwedRestart),
});
export type MaintenancePending = z.output<typeof MaintenancePending>;

/** The same before anybody was asked for a role. */
export interface Owed extends Omit<OwedRestart, "role"> {
  readonly role: RoleSource | undefined;
}

export interface MaintenanceRun {
  readonly domain: string;
  readonly signal: AbortSignal;
  readonly line: (text: string) => void;
}

export interface MaintenancePort {
  readonly windows: number;
  /** What waits for maintenance; in one domain only, or in all of them. */
  owed(domain: string | undefined, signal: AbortSignal): Promise<readonly Owed[]>;
  /** Does what is owed in a domain, and waits for the gates behind it. */
  run(run: MaintenanceRun): Promise<RunReport>;
}
