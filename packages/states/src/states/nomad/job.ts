import { BomaError, parseDuration } from "@boma/protocol";
import { z } from "zod";

import type { Changes } from "../../changes.ts";
import { defineState } from "../../define-state.ts";
import type { ReadFiles } from "../../host/files.ts";
import type { Host, ReadHost } from "../../host/host.ts";
import { Path } from "../file/parameters.ts";
import { Duration } from "../pkg/parameters.ts";
import type { Access } from "./api.ts";
import { type Health, healthOf, isDeployed, type Registered } from "./deployment.ts";
import { claimOf, inNamespace, jobPath } from "./job-path.ts";
import { jobFor, type Planned, planned } from "./job-plan.ts";
import { post } from "./operator-api.ts";
import { access, Name } from "./parameters.ts";

const HCL_MAX = 200_000;

interface Properties {
  /** As lines, one for each setting that differs. */
  job: string;
  /** What was registered so before, and is not well. A name of a parameter, so that it is shown. */
  wait: string;
}

const params = z
  .strictObject({
    job: Name.describe("The job's ID."),
    spec: z
      .record(z.string().regex(/^[A-Z][A-Za-z]*$/, "written as Nomad's API writes them"), z.json())
      .optional()
      .describe("The job as the API takes it: `{ Datacenters, TaskGroups }`."),
    hcl: z.string().min(1).max(HCL_MAX).optional().describe("Or the job in Nomad's own language."),
    keepCounts: z
      .boolean()
      .default(false)
      .describe("How many there are of a group is somebody else's to say, such as an autoscaler's."),
    within: Duration.default("5m").describe("How long its deployment may take."),
    wait: z.boolean().default(true).describe("Whether it has to become well."),
    namespace: Name.default("default").describe("The namespace that it is in."),
    api: access.api,
    caFile: Path.optional().describe("Certificates that may sign the API's."),
    token: access.token,
  })
  .refine(
    ({ spec, hcl }) => (spec === undefined) !== (hcl === undefined),
    "a job has either a `spec` or `hcl`",
  );
type Want = z.output<typeof params>;

export default defineState({
  name: "nomad.job",
  summary: "A job of Nomad as it is declared, running and well; where it runs is left to the scheduler.",
  stage: "apps",
  key: "job",
  params,
  secretive: ["token"],
  claims: ({ job, namespace }) => [claimOf(job, namespace)],
  after: () => ["nomad:ready", "nomad:bootstrap"],
  timeoutMs: 30 * 60_000,

  async check(want, host): Promise<Changes<Properties>> {
    const { from, to, index } = await planFor(want, host);
    if (from.length > 0 || to.length > 0)
      return { job: { from: index === 0 ? undefined : from.join("\n"), to: to.join("\n") } };
    const health = want.wait ? await healthAt(want, host, index) : WELL;
    return health.is === "well" ? {} : { wait: { from: wordsOf(health), to: WELL.is } };
  },

  async apply({ job: changed }, want, host) {
    const registered = changed ? await register(want, host) : await known(want, host);
    if (!want.wait) return;
    const at = await accessOf(want, host.files);
    await isDeployed(host.http, at, registered, parseDuration(want.within));
  },

  examples: [
    {
      title: "a program on every machine of an environment",
      key: "web",
      params: {
        spec: {
          Datacenters: ["*"],
          Constraints: [{ LTarget: "${meta.env}", RTarget: "production", Operand: "=" }],
          TaskGroups: [
            { Name: "web", Tasks: [{ Name: "app", Driver: "docker", Config: { image: "app:1" } }] },
          ],
        },
      },
      given: {
        http: { "GET http://127.0.0.1:4646/v1/job/web/deployments": { body: [] } },
        commands: {
          "nomad operator api -X POST /v1/job/web/plan": {
            stdout: JSON.stringify({
              JobModifyIndex: 0,
              Diff: { Type: "Added", Fields: [{ Type: "Added", Name: "Type", Old: "", New: "service" }] },
            }),
          },
          "nomad operator api -X POST /v1/jobs": {
            stdout: JSON.stringify({ EvalID: "", JobModifyIndex: 12 }),
            teaches: {
              "nomad operator api -X POST /v1/job/web/plan": {
                stdout: JSON.stringify({ JobModifyIndex: 12, Diff: { Type: "None" } }),
              },
            },
          },
        },
      },
    },
  ],
});

const WELL = { is: "well" } as const;
const wordsOf = (health: Health): string =>
  health.is === "failed" ? health.why : health.is === "waiting" ? health.for : health.is;

const planFor = async (want: Want, { commands }: ReadHost): Promise<Planned> =>
  planned(await jobFor(want, commands, want), want, commands);

async function healthAt(want: Want, { http, files }: ReadHost, index: number): Promise<Health> {
  const path = jobPath(want.job, want.namespace);
  return healthOf(http, await accessOf(want, files), { path, index });
}

async function accessOf({ api, token, caFile }: Want, files: ReadFiles): Promise<Access> {
  return { api, token, ca: caFile === undefined ? undefined : await files.readText(caFile) };
}

interface Answer {
  readonly EvalID?: string;
  readonly JobModifyIndex?: number;
}

/** Written over what it was compared with, and over nothing else. */
async function register(want: Want, { commands }: Host): Promise<Registered> {
  const job = await jobFor(want, commands, want);
  const { index } = await planned(job, want, commands);
  const body = { Job: job, EnforceIndex: true, JobModifyIndex: index, PreserveCounts: want.keepCounts };
  const answer = await post<Answer>(commands, want, `/v1/jobs${inNamespace(want.namespace)}`, body);
  if (typeof answer.JobModifyIndex !== "number")
    throw new BomaError("nomad/job", `Nomad did not register ${want.job}`);
  return {
    job: want.job,
    path: jobPath(want.job, want.namespace),
    index: answer.JobModifyIndex,
    evaluation: answer.EvalID || undefined,
  };
}

/** An earlier run was cut off while it waited, or saw it fail. */
async function known(want: Want, host: Host): Promise<Registered> {
  const { index } = await planFor(want, host);
  return { job: want.job, path: jobPath(want.job, want.namespace), index };
}
