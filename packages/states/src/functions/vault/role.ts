import { z } from "zod";

import { defineFunction } from "../../define-function.ts";
import { place } from "../../states/vault/api.ts";
import { stateOf, type VaultState } from "../../states/vault/state.ts";

const WORDS = ["active", "standby", "single", "sealed", "down", "unfit"] as const;

const Result = z.strictObject({ role: z.enum(WORDS), safe: z.boolean(), why: z.string() });

export default defineFunction({
  name: "vault.role",
  summary: "What a node's Vault is among its peers, and whether they stay at work while it restarts.",
  params: z.strictObject(place),
  positional: ["address"],
  result: Result,
  effect: "read",
  onRestart: "resume",
  timeoutMs: 2 * 60_000,
  examples: ["boma-master run 'role:vault' vault.role"],
  run: async (want, { host }) => vaultRole(await stateOf(want, host)),
});

/** As `restart` of vault.status, but that the active one of several may restart when its turn has come: the last one. */
export function vaultRole({
  role,
  ha,
  seal,
  behind,
  restart,
}: Pick<VaultState, "role" | "ha" | "seal" | "behind" | "restart">): z.output<typeof Result> {
  if (role === "down" || role === "uninitialised") return { role: "down", ...restart };
  // Whoever opens it is at hand, or is not: nobody here can know.
  if (role === "sealed")
    return {
      role,
      safe: false,
      why: "it is sealed: open it first, or nobody can tell what a restart breaks",
    };
  if (role === "unfit" || seal === null || seal === "shamir")
    return { role: role === "unfit" ? role : ha ? role : "single", ...restart };
  if (!ha) return { role: "single", ...restart };
  if (role === "active") return { role, safe: true, why: "those that stand by take over" };
  if ((behind ?? 0) > BEHIND_MAX)
    return { role, safe: false, why: `it is ${behind} entries behind: let it catch up first` };
  return { role, ...restart };
}

/** A cluster at work is never quite at one; what is further behind is still catching up. */
const BEHIND_MAX = 1000;
