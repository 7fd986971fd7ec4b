import { z } from "zod";

import { defineFunction } from "../../define-function.ts";
import { awaitShare } from "../../states/vault/shares.ts";

export default defineFunction({
  name: "vault.unseal-begin",
  summary:
    "A key for one share, which lives in the node's memory for some minutes; `boma-master vault unseal` asks for it.",
  params: z.strictObject({}),
  result: z.strictObject({ key: z.string(), seconds: z.number() }),
  effect: "read",
  onRestart: "fail",
  timeoutMs: 60_000,
  examples: ["boma-master run vault01 vault.unseal-begin"],
  run: async () => awaitShare(),
});
