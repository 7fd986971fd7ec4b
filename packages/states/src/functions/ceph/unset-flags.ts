import { z } from "zod";

import { defineFunction } from "../../define-function.ts";
import { heard } from "../../states/ceph/ask.ts";
import { endLeases, Flag, leasesOf } from "../../states/ceph/lease.ts";

export default defineFunction({
  name: "ceph.unset-flags",
  summary:
    "Ends this node's maintenance of a Ceph cluster: takes back what `ceph.set-flags` set, and no other holds.",
  params: z.strictObject({}),
  result: z.strictObject({ unset: z.array(Flag) }),
  effect: "write",
  onRestart: "resume",
  timeoutMs: 3 * 60_000,
  examples: ["boma-master run node-1 ceph.unset-flags"],
  async run(_, { host: { commands, machine } }) {
    const node = await machine.hostname();
    const own = heard(await leasesOf(commands)).filter((lease) => lease.node === node);
    return { unset: own.length === 0 ? [] : [...(await endLeases(own, commands))] };
  },
  outcome: ({ unset }) => (unset.length > 0 ? "changed" : "ok"),
});
