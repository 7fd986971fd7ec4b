import { z } from "zod";

import { defineFunction } from "../../define-function.ts";

export default defineFunction({
  name: "system.info",
  summary: "Tells the name of the machine, its kernel, how long it is up, and whether it should boot anew.",
  params: z.strictObject({}),
  result: z.strictObject({
    hostname: z.string(),
    kernel: z.string(),
    bootId: z.string(),
    uptimeMs: z.int(),
    rebootReasons: z.array(z.string()),
  }),
  effect: "read",
  onRestart: "resume",
  examples: ["boma-master run '*' system.info"],
  async run(_params, { host: { machine } }) {
    const [hostname, kernel, bootId, uptimeMs, reasons] = await Promise.all([
      machine.hostname(),
      machine.kernelRelease(),
      machine.bootId(),
      machine.uptimeMs(),
      machine.rebootReasons(),
    ]);
    return { hostname, kernel, bootId, uptimeMs, rebootReasons: [...reasons] };
  },
});
