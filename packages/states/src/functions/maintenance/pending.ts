import { z } from "zod";

import { defineFunction } from "../../define-function.ts";
import { MaintenancePending } from "../../host/maintenance.ts";
import { Domain } from "../../maintenance/domain.ts";
import { roleNow } from "../../maintenance/role.ts";

export default defineFunction({
  name: "maintenance.pending",
  summary:
    "The restarts that a node owes and that wait for maintenance: since when, why, and when a window opens.",
  params: z.strictObject({
    domain: Domain.optional().describe("Of this failure domain only; of all of them where it is not said."),
  }),
  positional: ["domain"],
  result: MaintenancePending,
  effect: "read",
  onRestart: "fail",
  timeoutMs: 2 * 60_000,
  examples: ["boma-master run '*' maintenance.pending", "boma-master run '*' maintenance.pending consul/dc1"],
  async run({ domain }, call) {
    const { maintenance } = call.host;
    const owed = await maintenance.owed(domain, call.signal);
    // One after the other: what they ask is often the same daemon.
    const asked: MaintenancePending["owed"] = [];
    for (const { role, ...one } of owed)
      asked.push({ ...one, role: role === undefined ? null : await roleNow(role, call) });
    return { windows: maintenance.windows, owed: asked };
  },
});
