/**
 * Ends the lease of a node that is not waited for any more: because a person says so, who says why, or because its
 * identity has ended. First the record, on the condition that nobody wrote it since; then the job that held it.
 */
import { BomaError } from "@boma/protocol";

import { authorise, type OperatorRecord } from "../api/rights.ts";
import type { Control } from "../control.ts";
import type { Events } from "../events/events.ts";
import { leaseEnding } from "../jobs/endings.ts";
import type { Jobs } from "../jobs/jobs.ts";
import type { NodeRecord } from "../registry/node-record.ts";
import { type Holder, holderOf } from "./holders.ts";
import type { Lease, Leases } from "./leases.ts";

export interface LeaseEnd {
  readonly name: string;
  /** The job that it was seen to be held by: another one's is not taken. */
  readonly job: string;
  readonly reason: string;
  /** Also while its node is connected. */
  readonly force: boolean;
}

/** After its start a master does not know yet who of those before it is there: nodes are on their way back. */
const RETURN_MS = 15_000;
/** What holds a lease of which no job was made yet. */
const FUNCTION = "maintenance.run";

/** By an operator, who may do on that node what the lease is held for. */
export async function endLease(
  control: Control,
  { name, job, reason, force }: LeaseEnd,
  operator: OperatorRecord,
): Promise<Holder> {
  const lease = await control.leases.holding(name, job);
  const holder = await holderOf(control, lease);
  authoriseEnd(control, holder, operator);
  assertBorn(holder);
  if (!force) assertAway(control, holder);
  await control.leases.end(name, job);
  const told = { lease, key: holder.key, by: operator.name, reason, forced: force && holder.connected };
  await settle(control, told);
  return holder;
}

function authoriseEnd({ registry, jobs }: Control, { key, job }: Holder, operator: OperatorRecord): void {
  const node = key === undefined ? undefined : registry.byKey(key);
  // Of one whose record is gone nobody can say whom it belonged to.
  if (!node) return authorise(operator, { right: "admin" });
  const name = jobs.get(job)?.record.function ?? FUNCTION;
  authorise(operator, { right: "run", function: name, nodes: [registry.targetNode(node)] });
}

/** A job that is being made would go on without its lease, and not know it. */
function assertBorn({ state, job, domain }: Holder): void {
  if (state !== "being made") return;
  const hint = "Ask again in a minute: a lease whose job never came to be falls free by itself.";
  throw new BomaError("lease/alive", `job ${job}, which holds ${domain}, is being made right now`, { hint });
}

function assertAway({ startedAt }: Control, { node, job, domain, connected, since }: Holder): void {
  if (connected) {
    const hint = `Stop it: boma-master jobs cancel ${job}. Where it does not answer to that either: --force.`;
    const message = `${node} is connected, and may be restarting: ${domain} stays its own`;
    throw new BomaError("lease/alive", message, { hint });
  }
  const waits = since > startedAt ? 0 : startedAt + RETURN_MS - Date.now();
  if (waits <= 0) return;
  const hint = `Ask again in ${Math.ceil(waits / 1000)} s.`;
  const message = `this master has just started, and cannot know yet whether ${node} is there`;
  throw new BomaError("lease/alive", message, { hint });
}

interface Parts {
  readonly leases: Leases;
  readonly jobs: Jobs;
  readonly events: Events;
}

/** Whatever a node held whose identity has ended while it was away: it can neither begin nor say how it ended. */
export const endLeasesOf =
  (parts: Parts) =>
  async ({ key }: Pick<NodeRecord, "key">): Promise<void> => {
    for (const { name, job } of await parts.leases.list())
      if (parts.jobs.get(job)?.courses.has(key)) await endOfRevoked(parts, { name, job, key });
  };

async function endOfRevoked(
  parts: Parts,
  { name, job, key }: { readonly name: string; readonly job: string; readonly key: string },
): Promise<void> {
  let lease: Lease;
  try {
    lease = await parts.leases.holding(name, job);
    await parts.leases.end(name, job);
  } catch (thrown) {
    // It has ended by itself in this very moment.
    if (thrown instanceof BomaError && thrown.code === "lease/gone") return;
    throw thrown;
  }
  await settle(parts, { lease, key, reason: "its node was revoked", forced: false });
}

interface Ended {
  readonly lease: Lease;
  readonly key: string | undefined;
  readonly by?: string;
  readonly reason: string;
  readonly forced: boolean;
}

/** Nobody waits for the node: its job ends, and if it comes back it is told to stop. */
async function settle(
  { jobs, events }: Pick<Parts, "jobs" | "events">,
  { lease: { name, job, node, operator, since }, key, by, reason, forced }: Ended,
): Promise<void> {
  await jobs.giveUp(job, leaseEnding(name, by, reason));
  await events.told({
    kind: "lease.ended",
    job,
    id: node,
    ...(key !== undefined && { node: key }),
    ...(by !== undefined && { operator: by }),
    data: { domain: name, since, of: operator, reason, forced },
  });
}
