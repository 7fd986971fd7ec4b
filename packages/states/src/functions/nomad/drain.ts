import { parseDuration } from "@boma/protocol";
import { z } from "zod";

import { defineFunction } from "../../define-function.ts";
import { ownAccess } from "../../states/nomad/api.ts";
import { drain } from "../../states/nomad/drain.ts";
import { ownApi } from "../../states/nomad/parameters.ts";
import { Duration } from "../../states/pkg/parameters.ts";

export default defineFunction({
  name: "nomad.drain",
  summary:
    "Moves what Nomad runs on this node elsewhere, and waits until it is gone; `nomad.undrain` ends it.",
  params: z.strictObject({
    deadline: Duration.default("1h").describe("After this time what still runs is stopped."),
    for: Duration.default("4h").describe("After this time `nomad.eligible` lets the node take jobs again."),
    systemJobs: z.boolean().default(false).describe("Stop those too that run on every node."),
    reason: z.string().min(1).max(200).default("maintenance").describe("Why, for those who find it so."),
    api: ownApi,
  }),
  result: z.strictObject({ moved: z.int() }),
  effect: "write",
  onRestart: "resume",
  timeoutMs: 2 * 60 * 60_000,
  examples: ["boma-master run web-1 nomad.drain deadline=10m reason='new kernel'"],
  async run({ deadline, for: time, systemJobs, reason, api }, { host, signal }) {
    const at = await ownAccess(host.files, api);
    const want = {
      reason,
      deadlineMs: parseDuration(deadline),
      forMs: parseDuration(time),
      ignoreSystemJobs: !systemJobs,
    };
    return { moved: await drain(host, at, want, signal) };
  },
  outcome: () => "changed",
});
