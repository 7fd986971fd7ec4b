import { parseDuration } from "@boma/protocol";
import { z } from "zod";

import { defineFunction } from "../../define-function.ts";
import { Flag, setFlags, USUAL_FLAGS } from "../../states/ceph/lease.ts";
import { Duration } from "../../states/pkg/parameters.ts";

export default defineFunction({
  name: "ceph.set-flags",
  summary: "Holds a Ceph cluster still while this node is worked on, until `ceph.unset-flags` or for a time.",
  params: z.strictObject({
    flags: z
      .array(Flag)
      .min(1)
      .default([...USUAL_FLAGS])
      .describe("What is held still."),
    for: Duration.default("1h").describe("After this time `ceph.maintenance` takes them back by itself."),
    reason: z.string().min(1).max(200).default("maintenance").describe("Why, for those who find them."),
  }),
  result: z.strictObject({ set: z.array(Flag), until: z.string() }),
  effect: "write",
  onRestart: "fail",
  timeoutMs: 3 * 60_000,
  examples: ["boma-master run node-1 ceph.set-flags for=30m reason='new kernel'"],
  async run({ flags, for: time, reason }, { host: { commands, machine } }) {
    const untilMs = Date.now() + parseDuration(time);
    const set = await setFlags({ node: await machine.hostname(), flags, untilMs, reason }, commands);
    return { set: [...set], until: new Date(untilMs).toISOString() };
  },
  outcome: () => "changed",
});
