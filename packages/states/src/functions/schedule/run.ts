import { z } from "zod";

import { defineFunction } from "../../define-function.ts";

const STATUS = ["ok", "changed", "failed", "refused", "timeout", "cancelled"] as const;

export default defineFunction({
  name: "schedule.run",
  summary: "Runs a schedule of the node now, beside its times, as it would run by itself.",
  params: z.strictObject({ name: z.string().min(1).max(64).describe("The name of the schedule.") }),
  positional: ["name"],
  result: z.strictObject({
    schedule: z.string(),
    status: z.enum(STATUS),
    ms: z.number(),
    comment: z.string(),
  }),
  effect: "write",
  onRestart: "fail",
  timeoutMs: 86_400_000,
  examples: ["boma-master run web01 schedule.run nightly"],
  async run({ name }, { host, signal }) {
    const { status, ms, comment } = await host.schedules.run(name, signal);
    return { schedule: name, status: z.enum(STATUS).parse(status), ms, comment };
  },
  outcome: ({ status }) => (status === "ok" || status === "changed" ? status : "failed"),
});
