import { z } from "zod";

import { defineFunction } from "../../define-function.ts";

export default defineFunction({
  name: "beacon.list",
  summary: "What the node watches by itself, how that is now, since when, and what it cannot see.",
  params: z.strictObject({}),
  result: z.array(
    z.strictObject({
      beacon: z.string(),
      level: z.enum(["raised", "clear", "flapping"]),
      since: z.string(),
      problem: z.string().optional(),
    }),
  ),
  effect: "read",
  onRestart: "resume",
  timeoutMs: 10_000,
  examples: ["boma-master run 'env:dev' beacon.list"],
  run: async (_, { host }) =>
    host.beacons.list().map((one) => ({ ...one, since: new Date(one.since).toISOString() })),
});
