import { z } from "zod";

import { defineFunction } from "../../define-function.ts";
import { place } from "../../states/vault/api.ts";
import { ROLES } from "../../states/vault/health.ts";
import { stateOf } from "../../states/vault/state.ts";

export default defineFunction({
  name: "vault.status",
  summary: "How a node's Vault is: active, standing by, sealed or down; and whether it may be restarted.",
  params: z.strictObject(place),
  positional: ["address"],
  result: z.strictObject({
    role: z.enum(ROLES),
    says: z.string(),
    version: z.string().nullable(),
    seal: z.string().nullable(),
    storage: z.string().nullable(),
    threshold: z.int().nullable(),
    progress: z.int().nullable(),
    ha: z.boolean(),
    leader: z.string().nullable(),
    behind: z.int().nullable(),
    restart: z.strictObject({ safe: z.boolean(), why: z.string() }),
  }),
  effect: "read",
  onRestart: "resume",
  timeoutMs: 2 * 60_000,
  examples: ["boma-master run 'role:vault' vault.status"],
  run: (want, { host }) => stateOf(want, host),
});
