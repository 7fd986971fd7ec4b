/** Waits until what was registered runs and is well. */
import { setTimeout as pause } from "node:timers/promises";

import { BomaError } from "@boma/protocol";

import type { ReadHttp } from "../../host/http.ts";
import { type Access, read } from "./api.ts";

const LOOK_MS = 1000;

export interface Registered {
  /** Empty for what is started by a timetable or a call only. */
  readonly EvalID: string;
  readonly JobModifyIndex: number;
}

interface Evaluation {
  readonly Status: string;
  readonly StatusDescription?: string;
  readonly BlockedEval?: string;
  readonly FailedTGAllocs?: Readonly<
    Record<string, { readonly ConstraintFiltered?: Record<string, number> | null }>
  > | null;
}

interface Deployment {
  readonly Status: string;
  readonly StatusDescription: string;
  readonly JobSpecModifyIndex: number;
}

export async function isDeployed(
  http: ReadHttp,
  at: Access,
  { job, ...registered }: Registered & { readonly job: string },
  withinMs: number,
): Promise<void> {
  if (registered.EvalID === "") return;
  const endsAt = performance.now() + withinMs;
  for (;;) {
    const waiting = (await notPlaced(http, at, registered)) ?? (await notWell(http, at, job, registered));
    if (waiting === undefined) return;
    if (performance.now() >= endsAt)
      throw new BomaError("nomad/job", `${job} is registered, and not well yet: ${waiting}`);
    await pause(LOOK_MS);
  }
}

async function notPlaced(
  http: ReadHttp,
  at: Access,
  { EvalID: id }: Registered,
): Promise<string | undefined> {
  const evaluation = await read<Evaluation>(http, at, `/v1/evaluation/${id}`);
  if (!evaluation || evaluation.Status === "pending") return "nobody has placed it yet";
  if (evaluation.Status === "failed")
    throw new BomaError(
      "nomad/job",
      `it could not be placed: ${evaluation.StatusDescription ?? "no reason"}`,
    );
  const failed = Object.entries(evaluation.FailedTGAllocs ?? {});
  if (failed.length === 0) return undefined;
  return failed
    .map(
      ([group, { ConstraintFiltered: by }]) =>
        `no node takes ${group} (${Object.keys(by ?? {}).join(", ") || "no room"})`,
    )
    .join("; ");
}

async function notWell(
  http: ReadHttp,
  at: Access,
  job: string,
  { JobModifyIndex: index }: Registered,
): Promise<string | undefined> {
  const deployment = await read<Deployment | null>(http, at, `/v1/job/${encodeURIComponent(job)}/deployment`);
  // Batches and system jobs have none, nor has what changes nothing that runs.
  if (!deployment || deployment.JobSpecModifyIndex < index || deployment.Status === "successful")
    return undefined;
  if (deployment.Status === "failed" || deployment.Status === "cancelled")
    throw new BomaError(
      "nomad/job",
      `the deployment of ${job} has ${deployment.Status}: ${deployment.StatusDescription}`,
    );
  return deployment.StatusDescription;
}
