import { z } from "zod";

import { type Changes, diff } from "../../changes.ts";
import { defineState } from "../../define-state.ts";
import { heard } from "./ask.ts";
import { cluster, FSID, json, words } from "./example-cluster.ts";
import { endLeases, isOver, leasesOf } from "./lease.ts";

export default defineState({
  name: "ceph.maintenance",
  summary: "Flags of a maintenance whose time is over, as when its machine died in it, are taken back.",
  key: "cluster",
  params: z.strictObject({ cluster: z.enum(["ceph"]).describe("Its name: `ceph`.") }),
  stage: "storage",
  claims: () => ["ceph:flags"],
  async check(_, { commands }): Promise<Changes<Record<string, string>>> {
    const asked = await leasesOf(commands);
    // Where no cluster answers none can be held; that it should answer is for its gate to say.
    const over = "said" in asked ? asked.said.filter((lease) => isOver(lease)) : [];
    return Object.assign(
      {},
      ...over.map(({ node, flags, reason }) =>
        diff({ [node]: `${flags.join(" ") || "nothing"}: ${reason}` }, { [node]: "no maintenance" }),
      ),
    ) as Changes<Record<string, string>>;
  },
  async apply(changes, _, { commands }) {
    const leases = heard(await leasesOf(commands));
    await endLeases(
      leases.filter((lease) => isOver(lease) && lease.node in changes),
      commands,
    );
  },
  examples: [
    {
      title: "a machine that died in its maintenance",
      key: "ceph",
      given: {
        commands: cluster({
          "config-key dump boma/maintenance/": json({
            "boma/maintenance/node-2": JSON.stringify({ flags: ["noout"], untilMs: 1, reason: "new kernel" }),
          }),
          "osd dump": json({ fsid: FSID, flags_set: ["noout", "sortbitwise"], osds: [] }),
          "osd unset noout": {
            teaches: { [words("osd dump")]: json({ fsid: FSID, flags_set: [], osds: [] }) },
          },
          "config-key rm boma/maintenance/node-2": {
            teaches: { [words("config-key dump boma/maintenance/")]: json({}) },
          },
        }),
      },
    },
  ],
});
