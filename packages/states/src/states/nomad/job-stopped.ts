import { setTimeout as pause } from "node:timers/promises";

import { BomaError, parseDuration } from "@boma/protocol";
import { z } from "zod";

import { diff } from "../../changes.ts";
import { defineState } from "../../define-state.ts";
import type { ReadHttp } from "../../host/http.ts";
import { Duration } from "../pkg/parameters.ts";
import { allocsOf, type JobAlloc } from "./allocations.ts";
import { type Access, read, send } from "./api.ts";
import { claimOf, jobPath } from "./job-path.ts";
import { access, Name } from "./parameters.ts";

const LOOK_MS = 1000;

export default defineState({
  name: "nomad.job-stopped",
  summary: "A job of Nomad that does not run; Nomad forgets it only where that is asked for.",
  stage: "apps",
  key: "job",
  params: z.strictObject({
    job: Name.describe("The job's ID."),
    namespace: Name.default("default").describe("The namespace that it is in."),
    within: Duration.default("5m").describe("How long what runs of it may take to end."),
    purge: z.boolean().default(false).describe("Nomad forgets the job, and its history."),
    ...access,
  }),
  secretive: ["token"],
  claims: ({ job, namespace }) => [claimOf(job, namespace)],
  after: () => ["nomad:ready", "nomad:bootstrap"],

  async check({ job, namespace, purge, ...at }, { http }) {
    const is = await read<{ readonly Stop: boolean }>(http, at, jobPath(job, namespace)());
    if (!is) return {};
    const left = purge ? 0 : (await stillRunning(http, at, { job, namespace })).length;
    const stopped = left === 0 ? "stopped" : `stopped, and ${left} allocations still run`;
    return diff<{ job: string }>(
      { job: is.Stop ? stopped : "running" },
      { job: purge ? "forgotten" : "stopped" },
    );
  },

  async apply(_, { job, namespace, within, purge, ...at }, { http }) {
    const path = jobPath(job, namespace)();
    const is = await read<{ readonly Stop: boolean }>(http, at, path);
    if (is?.Stop === false) await send(http, at, { method: "DELETE", path });
    // What Nomad has forgotten nobody can wait for: it is stopped first.
    await hasEnded(http, at, { job, namespace }, parseDuration(within));
    if (purge) await send(http, at, { method: "DELETE", path: withPurge(path) });
  },

  examples: [
    {
      title: "what is not wanted any more",
      key: "old",
      given: {
        http: {
          "GET http://127.0.0.1:4646/v1/job/old": { body: { ID: "old", Stop: false } },
          "GET http://127.0.0.1:4646/v1/job/old/allocations": { body: [] },
          "DELETE http://127.0.0.1:4646/v1/job/old": {
            makes: { "GET http://127.0.0.1:4646/v1/job/old": { body: { ID: "old", Stop: true } } },
          },
        },
      },
    },
  ],
});

interface Which {
  readonly job: string;
  readonly namespace: string;
}

const withPurge = (path: string): string => `${path}${path.includes("?") ? "&" : "?"}purge=true`;

async function stillRunning(
  http: ReadHttp,
  at: Access,
  { job, namespace }: Which,
): Promise<readonly JobAlloc[]> {
  const allocs = await allocsOf(http, at, jobPath(job, namespace));
  return allocs.filter(({ ClientStatus: status }) => status === "running" || status === "pending");
}

async function hasEnded(http: ReadHttp, at: Access, which: Which, withinMs: number): Promise<void> {
  const endsAt = performance.now() + withinMs;
  for (;;) {
    const left = await stillRunning(http, at, which);
    if (left.length === 0) return;
    if (performance.now() >= endsAt)
      throw new BomaError(
        "nomad/job",
        `${which.job} is stopped, and ${left.length} of its allocations still run: ${placesOf(left)}`,
      );
    await pause(LOOK_MS);
  }
}

const placesOf = (allocs: readonly JobAlloc[]): string =>
  [...new Set(allocs.map(({ NodeName: node }) => node ?? "?"))].toSorted().slice(0, 5).join(", ");
