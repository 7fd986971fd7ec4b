import { BomaError } from "@boma/protocol";
import { z } from "zod";

import { defineFunction } from "../../define-function.ts";
import { isAnswered, jsonOf } from "../../host/http.ts";
import { Address, LOCAL, place, send, well } from "../../states/vault/api.ts";
import { openShare } from "../../states/vault/shares.ts";
import { hostPortOf, isLoopback } from "../../states/vault/storage.ts";

const SealStatus = z.object({ sealed: z.boolean(), t: z.int(), progress: z.int() });

export default defineFunction({
  name: "vault.unseal",
  summary: "Gives a share, sealed to a key of vault.unseal-begin, to the node's own Vault.",
  params: z.strictObject({
    key: z
      .string()
      .regex(/^[0-9a-f]{64}$/)
      .describe("The key to which it is sealed."),
    sealed: z.base64().max(4096).describe("The share, sealed."),
    ...place,
    address: Address.refine(
      (url) => isLoopback(hostPortOf(url)),
      "a share goes to this node's own Vault only",
    )
      .default(LOCAL)
      .describe("Where it listens on this node."),
  }),
  result: z.strictObject({ sealed: z.boolean(), threshold: z.int(), progress: z.int() }),
  effect: "write",
  onRestart: "fail",
  timeoutMs: 60_000,
  // `boma-master vault unseal vault01` asks for a share, seals it, and calls this.
  examples: [`boma-master run vault01 vault.unseal key=${"ab".repeat(32)} sealed=c2hhcmU=`],
  async run({ key, sealed, ...want }, { host }) {
    const share = openShare(key, sealed);
    const path = "sys/unseal";
    const answer = await send(want, { method: "PUT", path, body: { key: share } }, host);
    // What it answers might quote the share.
    if (isAnswered(answer) && answer.status === 400)
      throw new BomaError(
        "vault/share",
        "Vault does not take this share: it is none of its own, or was given already",
      );
    const { sealed: isSealed, t, progress } = SealStatus.parse(jsonOf(well(want, path, answer)));
    return { sealed: isSealed, threshold: t, progress };
  },
  outcome: () => "changed",
});
