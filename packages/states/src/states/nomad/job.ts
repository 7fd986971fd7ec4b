import { BomaError, parseDuration } from "@boma/protocol";
import { z } from "zod";

import type { Changes } from "../../changes.ts";
import { defineState } from "../../define-state.ts";
import { Path } from "../file/parameters.ts";
import { Duration } from "../pkg/parameters.ts";
import { isDeployed, type Registered } from "./deployment.ts";
import { jobFor, planned } from "./job-plan.ts";
import { post } from "./operator-api.ts";
import { access, Name } from "./parameters.ts";

const HCL_MAX = 200_000;

/** As lines, one for each setting that differs. */
interface Properties {
  job: string;
}

export default defineState({
  name: "nomad.job",
  summary: "A job of Nomad as it is declared, running and well; where it runs is left to the scheduler.",
  stage: "apps",
  key: "job",
  params: z
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
      api: access.api,
      caFile: Path.optional().describe("Certificates that may sign the API's."),
      token: access.token,
    })
    .refine(
      ({ spec, hcl }) => (spec === undefined) !== (hcl === undefined),
      "a job has either a `spec` or `hcl`",
    ),
  secretive: ["token"],
  claims: ({ job }) => [`nomad-job:${job}`],
  after: () => ["nomad:ready", "nomad:bootstrap"],
  timeoutMs: 30 * 60_000,

  async check(want, { commands }): Promise<Changes<Properties>> {
    const { from, to, index } = await planned(
      await jobFor(want, commands, want),
      want.keepCounts,
      commands,
      want,
    );
    if (from.length === 0 && to.length === 0) return {};
    return { job: { from: index === 0 ? undefined : from.join("\n"), to: to.join("\n") } };
  },

  async apply(_, want, { commands, http, files }) {
    const job = await jobFor(want, commands, want);
    const { index } = await planned(job, want.keepCounts, commands, want);
    // Written over what it was compared with, and over nothing else.
    const body = { Job: job, EnforceIndex: true, JobModifyIndex: index, PreserveCounts: want.keepCounts };
    const registered = await post<Registered>(commands, want, "/v1/jobs", body);
    if (typeof registered.JobModifyIndex !== "number")
      throw new BomaError("nomad/job", `Nomad did not register ${want.job}`);
    const { api, token, caFile } = want;
    const ca = caFile === undefined ? undefined : await files.readText(caFile);
    if (want.wait)
      await isDeployed(
        http,
        { api, token, ca },
        { ...registered, job: want.job },
        parseDuration(want.within),
      );
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
