import { z } from "zod";

import { defineFunction } from "../../define-function.ts";

export default defineFunction({
  name: "test.echo",
  summary: "The node gives back the text that it was given.",
  params: z.strictObject({ text: z.string().describe("What to give back.") }),
  positional: ["text"],
  result: z.string(),
  effect: "read",
  onRestart: "resume",
  timeoutMs: 10_000,
  examples: ["boma-master run 'env:dev' test.echo 'hello there'"],
  run: async ({ text }) => text,
});
