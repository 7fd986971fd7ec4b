import { Grains } from "@boma/protocol";
import { z } from "zod";

import { defineFunction } from "../../define-function.ts";

export default defineFunction({
  name: "grains.items",
  summary: "All grains that the node claims, collected at this moment.",
  params: z.strictObject({}),
  result: Grains,
  effect: "read",
  onRestart: "resume",
  timeoutMs: 30_000,
  examples: ["boma-master run web01 grains.items"],
  run: (_, { host }) => host.grains.collect(),
});
