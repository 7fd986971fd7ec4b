import { z } from "zod";

import { defineFunction } from "../../define-function.ts";

export default defineFunction({
  name: "drift.reset",
  summary: "Puts right again what was left alone because somebody kept undoing it.",
  params: z.strictObject({
    resources: z
      .array(z.string())
      .max(1000)
      .optional()
      .describe("Only these declarations; all that are left alone where not said."),
  }),
  positional: ["resources"],
  result: z.strictObject({ resumed: z.array(z.string()) }),
  effect: "write",
  onRestart: "resume",
  timeoutMs: 30_000,
  examples: ["boma-master run web01 drift.reset 'file.managed(/etc/motd)'"],
  run: async ({ resources }, { host }) => ({ resumed: [...(await host.drift.reset(resources))] }),
  outcome: ({ resumed }) => (resumed.length > 0 ? "changed" : "ok"),
});
