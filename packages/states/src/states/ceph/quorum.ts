import { z } from "zod";

import { defineGate, notReady, ready } from "../gate/define-gate.ts";
import { ask } from "./ask.ts";
import { cluster, FSID, json } from "./example-cluster.ts";
import { DaemonName, Fsid } from "./parameters.ts";
import { Quorum } from "./reports.ts";
import { silentHealth } from "./silent-health.ts";

export default defineGate({
  name: "ceph.quorum",
  summary: "Waits until the monitors of a Ceph cluster have agreed on a leader.",
  stage: "storage",
  key: "fsid",
  params: z.strictObject({
    fsid: Fsid,
    mons: z.array(DaemonName).max(15).default([]).describe("Monitors that have to be among them."),
  }),
  async probe({ fsid, mons }, host) {
    const asked = await ask(host.commands, "quorum_status", Quorum);
    if (!("said" in asked)) return silentHealth("ceph-mon@*", asked.silent, host);
    const { quorum_names, quorum_leader_name, monmap } = asked.said;
    if (monmap.fsid !== fsid)
      return notReady("misconfigured", `these monitors are of the cluster ${monmap.fsid}`);
    const missing = mons.filter((name) => !quorum_names.includes(name));
    if (missing.length > 0) return notReady("down", `without ${missing.join(", ")}`);
    return ready(`${quorum_names.join(", ")}, led by ${quorum_leader_name}`);
  },
  examples: [
    {
      title: "one monitor",
      key: FSID,
      given: {
        commands: cluster({
          quorum_status: json({
            quorum_names: ["node-1"],
            quorum_leader_name: "node-1",
            monmap: { fsid: FSID, mons: [{ name: "node-1" }] },
          }),
        }),
      },
    },
  ],
});
