import { z } from "zod";

import { defineFunction } from "../../define-function.ts";

export default defineFunction({
  name: "test.ping",
  summary: "The node answers that it is there.",
  params: z.strictObject({}),
  result: z.literal(true),
  effect: "read",
  onRestart: "resume",
  timeoutMs: 10_000,
  examples: ["boma-master run '*' test.ping"],
  run: async () => true as const,
});
