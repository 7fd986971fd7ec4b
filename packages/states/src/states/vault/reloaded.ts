import { BomaError } from "@boma/protocol";
import { z } from "zod";

import { defineState } from "../../define-state.ts";
import { assertUp, existing, UnitName } from "../service/unit.ts";

const STABLE_MS = 500;

export default defineState({
  name: "vault.reloaded",
  summary:
    "A running Vault that takes up certificates, its log level and its audit files, without being sealed.",
  key: "unit",
  params: z.strictObject({ unit: UnitName.describe("The unit.") }),
  stage: "vault",
  after: ({ unit }) => [`unit:${unit}`],
  check: async () => ({}),
  apply: async () => undefined,

  /** One that does not run reads all of it when it starts. */
  async refresh({ unit }, { services }) {
    const before = await existing(services, unit);
    if (before.active !== "active") return;
    await services.reload(unit);
    const after = await assertUp(services, before, STABLE_MS);
    if (after.mainPid !== before.mainPid)
      throw new BomaError("service/unstable", `${unit} was to be reloaded, and was restarted`, {
        hint: "A Vault that people open is sealed now.",
      });
  },

  examples: [
    {
      title: "when its certificate is another",
      key: "vault.service",
      given: { services: { vault: { active: true, canReload: true } } },
    },
  ],
});
