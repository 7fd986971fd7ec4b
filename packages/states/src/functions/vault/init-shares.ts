import { z } from "zod";

import { defineFunction } from "../../define-function.ts";
import { ClusterName, KeptShares, sharesOf } from "../../states/vault/init-file.ts";

export default defineFunction({
  name: "vault.init-shares",
  summary: "The shares that an initialisation has left on the node, each encrypted to its holder.",
  params: z.strictObject({ cluster: ClusterName.describe("What the cluster is called.") }),
  positional: ["cluster"],
  result: z.strictObject({ ...KeptShares.shape, digest: z.string() }),
  effect: "read",
  onRestart: "resume",
  timeoutMs: 60_000,
  examples: ["boma-master run vault01 vault.init-shares main"],
  async run({ cluster }, { host: { files } }) {
    const { shares, digest } = await sharesOf(cluster, files);
    return { ...shares, digest };
  },
});
