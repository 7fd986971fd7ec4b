import { z } from "zod";

import { defineFunction } from "../../define-function.ts";

export default defineFunction({
  name: "agent.status",
  summary: "How the agent itself is: version, memory, running jobs, clock.",
  params: z.strictObject({}),
  result: z.strictObject({
    id: z.string(),
    version: z.string(),
    node: z.string(),
    pid: z.int(),
    uptimeMs: z.number(),
    rssBytes: z.number(),
    running: z.array(z.strictObject({ job: z.string(), function: z.string(), ms: z.number() })),
    queued: z.int(),
    journalBytes: z.number(),
    clockOffsetMs: z.number(),
    confined: z.boolean(),
  }),
  effect: "read",
  onRestart: "resume",
  timeoutMs: 10_000,
  examples: ["boma-master run '*' agent.status"],
  async run(_, { host }) {
    const status = host.agent.status();
    return { ...status, running: [...status.running] };
  },
});
