/** Waits until what was registered runs and is well. */
import { setTimeout as pause } from "node:timers/promises";

import { BomaError } from "@boma/protocol";

import type { ReadHttp } from "../../host/http.ts";
import { allocsOf, type JobAlloc, lastEventMs, reasonsOf } from "./allocations.ts";
import { type Access, read } from "./api.ts";
import { notPlaced } from "./placement.ts";

const LOOK_MS = 1000;
/** So long nothing must have happened to it. */
const QUIET_MS = 60_000;

/** What was registered, where it is looked after. */
export interface Registered {
  readonly job: string;
  /** Of the job or a part of it, as the API names it. */
  readonly path: (part: string) => string;
  /** Which registration: a deployment of another one says nothing of this. */
  readonly index: number;
  /** Who places it; none for what is started by a timetable or a call only, or was placed before. */
  readonly evaluation?: string | undefined;
}

interface Deployment {
  readonly ID: string;
  readonly Status: string;
  readonly StatusDescription: string;
  readonly JobVersion: number;
  readonly JobSpecModifyIndex: number;
  readonly TaskGroups?: Readonly<Record<string, { readonly DesiredTotal: number }>> | null;
}

/** How it is: well, on its way, or with no way to get there. */
export type Health =
  | { readonly is: "well" }
  | { readonly is: "waiting"; readonly for: string }
  | { readonly is: "failed"; readonly why: string };

export async function isDeployed(
  http: ReadHttp,
  at: Access,
  registered: Registered,
  withinMs: number,
): Promise<void> {
  const { job, evaluation } = registered;
  const endsAt = performance.now() + withinMs;
  for (;;) {
    const lacking = evaluation === undefined ? undefined : await notPlaced(http, at, evaluation);
    const health: Health = lacking ? { is: "waiting", for: lacking } : await healthOf(http, at, registered);
    if (health.is === "well") return;
    if (health.is === "failed")
      throw new BomaError("nomad/job", `the deployment of ${job} has ${health.why}`, { hint: TRY_AGAIN });
    if (performance.now() >= endsAt)
      throw new BomaError("nomad/job", `${job} is registered, and not well yet: ${health.for}`);
    await pause(LOOK_MS);
  }
}

const TRY_AGAIN =
  "Nomad tries a registration that has failed no more: change the job, if only an entry of its `Meta`.";

export async function healthOf(
  http: ReadHttp,
  at: Access,
  { path, index }: Pick<Registered, "path" | "index">,
): Promise<Health> {
  const all = (await read<readonly Deployment[] | null>(http, at, path("/deployments"))) ?? [];
  const deployment = all.find(({ JobSpecModifyIndex: of }) => of === index);
  const allocs = await allocsOf(http, at, path);
  // Batches and system jobs have none, nor has what changes nothing that runs.
  if (!deployment) return withoutDeployment(allocs);
  const own = allocs.filter(({ JobVersion: version }) => version === deployment.JobVersion);
  const reasons = reasonsOf(own);
  const { Status: status, StatusDescription: said } = deployment;
  const why = `${said}${reasons === "" ? "" : ` (${reasons})`}`;
  if (status === "successful") return { is: "well" };
  if (status !== "failed" && status !== "cancelled") return { is: "waiting", for: why };
  return isWellAfterAll(deployment, own) ? { is: "well" } : { is: "failed", why: `${status}: ${why}` };
}

/** Tasks are tried again in their places also when the time of their deployment is over. One that ends again and again is not well. */
function isWellAfterAll({ TaskGroups: groups }: Deployment, own: readonly JobAlloc[]): boolean {
  const wanted = Object.entries(groups ?? {});
  const since = Date.now() - QUIET_MS;
  return (
    wanted.length > 0 &&
    wanted.every(([group, { DesiredTotal: total }]) => {
      const running = own.filter(
        (alloc) =>
          alloc.TaskGroup === group && alloc.DesiredStatus === "run" && alloc.ClientStatus === "running",
      );
      return running.length >= total && running.every((alloc) => lastEventMs(alloc) < since);
    })
  );
}

/** Of those that are still meant: each runs, or has done its work. */
function withoutDeployment(allocs: readonly JobAlloc[]): Health {
  const version = Math.max(...allocs.map(({ JobVersion: of }) => of));
  const meant = allocs.filter(
    (alloc) => alloc.JobVersion === version && alloc.DesiredStatus === "run" && !alloc.NextAllocation,
  );
  const open = meant.filter(({ ClientStatus: status }) => status !== "running" && status !== "complete");
  if (open.length === 0) return { is: "well" };
  const reasons = reasonsOf(open);
  return { is: "waiting", for: reasons === "" ? `${open.length} allocations are starting` : reasons };
}
