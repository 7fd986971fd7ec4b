import { z } from "zod";

import { diff } from "../../changes.ts";
import { defineState } from "../../define-state.ts";
import { read, send } from "./api.ts";
import { access, Name } from "./parameters.ts";

export default defineState({
  name: "nomad.job-stopped",
  summary: "A job of Nomad that does not run; Nomad forgets it only where that is asked for.",
  stage: "apps",
  key: "job",
  params: z.strictObject({
    job: Name.describe("The job's ID."),
    purge: z.boolean().default(false).describe("Nomad forgets the job, and its history."),
    ...access,
  }),
  secretive: ["token"],
  claims: ({ job }) => [`nomad-job:${job}`],
  after: () => ["nomad:ready", "nomad:bootstrap"],

  async check({ job, purge, ...at }, { http }) {
    const is = await read<{ readonly Stop: boolean }>(http, at, `/v1/job/${job}`);
    if (!is) return {};
    return diff<{ job: string }>(
      { job: is.Stop ? "stopped" : "running" },
      { job: purge ? "forgotten" : "stopped" },
    );
  },

  async apply(_, { job, purge, ...at }, { http }) {
    await send(http, at, { method: "DELETE", path: `/v1/job/${job}?purge=${purge}` });
  },

  examples: [
    {
      title: "what is not wanted any more",
      key: "old",
      given: {
        http: {
          "GET http://127.0.0.1:4646/v1/job/old": { body: { ID: "old", Stop: false } },
          "DELETE http://127.0.0.1:4646/v1/job/old?purge=false": {
            makes: { "GET http://127.0.0.1:4646/v1/job/old": { body: { ID: "old", Stop: true } } },
          },
        },
      },
    },
  ],
});
