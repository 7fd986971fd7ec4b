import { z } from "zod";

import { defineGate } from "../gate/define-gate.ts";
import { ask } from "./ask.ts";
import { cluster, FSID, json } from "./example-cluster.ts";
import { DaemonName, Fsid, PoolName } from "./parameters.ts";
import { FsDump, Status } from "./reports.ts";
import { silentHealth } from "./silent-health.ts";
import { verdictOf } from "./verdict.ts";

export default defineGate({
  name: "ceph.ready",
  summary:
    "Waits until a Ceph cluster can be stood on: monitors, a manager, disks, clean placement groups, its health.",
  stage: "storage",
  key: "fsid",
  params: z.strictObject({
    fsid: Fsid,
    mons: z.array(DaemonName).max(15).default([]).describe("The monitors that have to be in the quorum."),
    osds: z.int().min(0).max(10_000).default(0).describe("How many disks have to be up and in."),
    filesystems: z
      .array(PoolName)
      .max(50)
      .default([])
      .describe("Filesystems that need an active metadata server."),
    allow: z
      .array(z.string().regex(/^[A-Z][A-Z_]+$/, "a code of `ceph health detail`"))
      .max(100)
      .default(["OSDMAP_FLAGS", "MON_DISK_LOW", "RECENT_CRASH"])
      .describe("Codes of health that may stand. Errors and missing copies never may."),
  }),
  async probe(want, host) {
    const status = await ask(host.commands, "status", Status);
    if (!("said" in status)) return silentHealth("ceph-mon@*", status.silent, host);
    const dump = want.filesystems.length > 0 ? await ask(host.commands, "fs dump", FsDump) : undefined;
    return verdictOf(status.said, dump && "said" in dump ? dump.said : undefined, want);
  },
  examples: [
    {
      title: "three monitors and three disks",
      key: FSID,
      params: { mons: ["node-1", "node-2", "node-3"], osds: 3 },
      given: {
        commands: cluster({
          status: json({
            fsid: FSID,
            health: { status: "HEALTH_OK", checks: {} },
            quorum_names: ["node-1", "node-2", "node-3"],
            osdmap: { num_osds: 3, num_up_osds: 3, num_in_osds: 3 },
            pgmap: { num_pgs: 33, pgs_by_state: [{ state_name: "active+clean", count: 33 }] },
            mgrmap: { available: true },
          }),
        }),
      },
    },
  ],
});
