import { z } from "zod";

import { defineFunction } from "../../define-function.ts";
import { jsonOf } from "../../host/http.ts";
import { look, place, well } from "../../states/vault/api.ts";

const SealStatus = z.object({
  type: z.string(),
  initialized: z.boolean(),
  sealed: z.boolean(),
  t: z.int(),
  n: z.int(),
  progress: z.int(),
  version: z.string(),
});

export default defineFunction({
  name: "vault.seal-status",
  summary: "Whether a node's Vault is sealed, and how many shares it still waits for.",
  params: z.strictObject(place),
  positional: ["address"],
  result: SealStatus,
  effect: "read",
  onRestart: "resume",
  timeoutMs: 60_000,
  examples: [
    "boma-master run vault01 vault.seal-status",
    "boma-master run vault01 vault.seal-status http://127.0.0.1:8200",
  ],
  async run(want, { host }) {
    const path = "sys/seal-status";
    return SealStatus.parse(jsonOf(well(want, path, await look(want, path, host))));
  },
});
