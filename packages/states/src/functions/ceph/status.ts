import { z } from "zod";

import { defineFunction } from "../../define-function.ts";
import { ask, heard } from "../../states/ceph/ask.ts";
import { leasesOf } from "../../states/ceph/lease.ts";
import { Status } from "../../states/ceph/reports.ts";

export default defineFunction({
  name: "ceph.status",
  summary: "How the Ceph cluster of this node is: health, quorum, disks, placement groups, maintenance.",
  params: z.strictObject({}),
  result: z.strictObject({
    fsid: z.string(),
    health: z.string(),
    checks: z.record(z.string(), z.string()),
    quorum: z.array(z.string()),
    manager: z.boolean(),
    osds: z.strictObject({ all: z.int(), up: z.int(), in: z.int() }),
    groups: z.record(z.string(), z.int()),
    maintenance: z.array(
      z.strictObject({ node: z.string(), flags: z.array(z.string()), until: z.string(), reason: z.string() }),
    ),
  }),
  effect: "read",
  onRestart: "resume",
  timeoutMs: 60_000,
  examples: ["boma-master run node-1 ceph.status"],
  async run(_, { host: { commands } }) {
    const status = heard(await ask(commands, "status", Status));
    const leases = heard(await leasesOf(commands));
    const { num_osds, num_up_osds, num_in_osds } = status.osdmap;
    const checks = Object.entries(status.health.checks);
    return {
      fsid: status.fsid,
      health: status.health.status,
      checks: Object.fromEntries(checks.map(([code, { summary }]) => [code, summary.message])),
      quorum: status.quorum_names,
      manager: status.mgrmap.available,
      osds: { all: num_osds, up: num_up_osds, in: num_in_osds },
      groups: Object.fromEntries(
        status.pgmap.pgs_by_state.map(({ state_name, count }) => [state_name, count]),
      ),
      maintenance: leases.map(({ untilMs, ...lease }) => ({
        ...lease,
        until: new Date(untilMs).toISOString(),
      })),
    };
  },
});
