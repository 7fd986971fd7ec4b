import { z } from "zod";

import { defineFunction } from "../../define-function.ts";
import okToStop from "./ok-to-stop.ts";

export default defineFunction({
  name: "ceph.role",
  summary: "Whether the Ceph cluster can do without what this node runs of it, while that restarts.",
  params: z.strictObject({}),
  result: z.strictObject({ role: z.literal("member"), safe: z.boolean(), why: z.string() }),
  effect: "read",
  onRestart: "resume",
  timeoutMs: 2 * 60_000,
  examples: ["boma-master run 'role:ceph' ceph.role"],
  async run(params, call) {
    const { ok, why, runs } = await okToStop.run(params, call);
    return {
      role: "member" as const,
      safe: ok,
      why: ok ? `the cluster can do without ${runs.join(", ") || "it"}` : why.join("; "),
    };
  },
});
