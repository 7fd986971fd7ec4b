import { z } from "zod";

import { defineFunction } from "../../define-function.ts";
import { access, place, writeAt } from "../../states/vault/api.ts";
import { stateOf } from "../../states/vault/state.ts";

export default defineFunction({
  name: "vault.step-down",
  summary: "Has the active Vault of a cluster hand over to one that stands by.",
  params: z.strictObject({ tokenFile: access.tokenFile.unwrap(), ...place }),
  positional: ["tokenFile"],
  result: z.strictObject({ was: z.string(), steppedDown: z.boolean() }),
  effect: "write",
  onRestart: "fail",
  timeoutMs: 2 * 60_000,
  examples: ["boma-master run vault01 vault.step-down /run/boma-vault/token"],
  async run(want, { host }) {
    const { role } = await stateOf(want, host);
    if (role !== "active") return { was: role, steppedDown: false };
    await writeAt(want, "sys/step-down", {}, host);
    return { was: role, steppedDown: true };
  },
  outcome: ({ steppedDown }) => (steppedDown ? "changed" : "ok"),
});
