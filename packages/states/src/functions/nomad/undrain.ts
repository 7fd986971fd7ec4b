import { z } from "zod";

import { defineFunction } from "../../define-function.ts";
import { ownAccess } from "../../states/nomad/api.ts";
import { undrain } from "../../states/nomad/drain.ts";
import { ownApi } from "../../states/nomad/parameters.ts";

export default defineFunction({
  name: "nomad.undrain",
  summary: "Lets this node take jobs of Nomad again, also in the middle of a drain.",
  params: z.strictObject({ api: ownApi }),
  /** Whether it took none. */
  result: z.strictObject({ changed: z.boolean() }),
  effect: "write",
  onRestart: "resume",
  timeoutMs: 60_000,
  examples: ["boma-master run web-1 nomad.undrain"],
  run: async ({ api }, { host }) => ({ changed: await undrain(host, await ownAccess(host.files, api)) }),
  outcome: ({ changed }) => (changed ? "changed" : "ok"),
});
