import { GrainValue, readGrain } from "@boma/protocol";
import { z } from "zod";

import { defineFunction } from "../../define-function.ts";

export default defineFunction({
  name: "grains.get",
  summary: "Some of the grains that the node claims, by their paths.",
  params: z.strictObject({
    keys: z.array(z.string().min(1)).min(1).max(64).describe("Paths such as `ram` or `interfaces:eth0:mac`."),
  }),
  positional: ["keys"],
  result: z.record(z.string(), GrainValue),
  effect: "read",
  onRestart: "resume",
  timeoutMs: 30_000,
  examples: ["boma-master run 'env:dev' grains.get ram disks:nvme0n1:size"],
  async run({ keys }, { host }) {
    const grains = await host.grains.collect();
    return Object.fromEntries(keys.map((key) => [key, readGrain(grains, key) ?? null]));
  },
});
