import { BomaError } from "@boma/protocol";
import { z } from "zod";

import { defineFunction } from "../../define-function.ts";
import { ClusterName, forgetShares, keptOf, sharesOf } from "../../states/vault/init-file.ts";

export default defineFunction({
  name: "vault.init-shares-forget",
  summary: "Takes the shares of an initialisation off the node, once they are with those who hold them.",
  params: z.strictObject({
    cluster: ClusterName.describe("What the cluster is called."),
    digest: z.string().optional().describe("The digest that vault.init-shares gave: of what was saved."),
    lost: z
      .boolean()
      .default(false)
      .describe("The answer never came here, and somebody has the shares after all."),
  }),
  positional: ["cluster", "digest"],
  result: z.strictObject({ cluster: z.string(), forgotten: z.boolean() }),
  effect: "write",
  onRestart: "fail",
  timeoutMs: 60_000,
  examples: ["boma-master run vault01 vault.init-shares-forget main 9f86d081884c7d65…"],
  async run({ cluster, digest, lost }, { host: { files } }) {
    const kept = await keptOf(cluster, files);
    if (kept === "none") return { cluster, forgotten: false };
    if (kept === "kept" && (await sharesOf(cluster, files)).digest !== digest)
      throw new BomaError(
        "vault/shares",
        "that is not the digest of the shares that are kept: nothing was forgotten",
        {
          hint: "vault.init-shares gives them with their digest: save them first.",
        },
      );
    if (kept === "intended" && !lost)
      throw new BomaError("vault/shares", `nobody knows what became of the initialisation of ${cluster}`, {
        hint: "Where somebody has the shares, say so with `lost=true`.",
      });
    await forgetShares(cluster, files);
    return { cluster, forgotten: true };
  },
  outcome: ({ forgotten }) => (forgotten ? "changed" : "ok"),
});
