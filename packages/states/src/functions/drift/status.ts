import { z } from "zod";

import { defineFunction } from "../../define-function.ts";
import { DriftStatus } from "../../host/drift.ts";

export default defineFunction({
  name: "drift.status",
  summary: "What the node knows of its drift: its catalog, what differs since when, what is left alone.",
  params: z.strictObject({}),
  result: DriftStatus,
  effect: "read",
  onRestart: "resume",
  timeoutMs: 30_000,
  examples: ["boma-master run web01 drift.status"],
  run: (_, { host }) => host.drift.status(),
});
