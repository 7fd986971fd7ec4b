import { z } from "zod";

import { defineFunction } from "../../define-function.ts";
import { NodeRole } from "../../maintenance/domain.ts";
import { infoIfUp } from "../../states/docker/api.ts";

export default defineFunction({
  name: "docker.role",
  summary: "Whether Docker may restart on this node: whether what runs in containers would outlive that.",
  params: z.strictObject({}),
  result: NodeRole,
  effect: "read",
  onRestart: "resume",
  timeoutMs: 30_000,
  examples: ["boma-master run 'role:worker' docker.role"],
  async run(_, { host }) {
    const info = await infoIfUp(host);
    if (!info) return { role: "host", safe: true, why: "it does not run" };
    const { ContainersRunning: running, LiveRestoreEnabled: outlives } = info;
    if (running === 0) return { role: "host", safe: true, why: "no container runs" };
    if (outlives) return { role: "host", safe: true, why: `${running} containers run, and outlive it` };
    return { role: "host", safe: false, why: `${running} containers run, and would end with it` };
  },
});
