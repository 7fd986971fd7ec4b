import { z } from "zod";

import { defineFunction } from "../../define-function.ts";

export default defineFunction({
  name: "sys.list",
  summary: "The names of the functions that this node's agent can run.",
  params: z.strictObject({}),
  result: z.array(z.string()),
  effect: "read",
  onRestart: "resume",
  timeoutMs: 10_000,
  examples: ["boma-master run web01 sys.list"],
  run: async (_, { functions }) => Object.keys(functions),
});
