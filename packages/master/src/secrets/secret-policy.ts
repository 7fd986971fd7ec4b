/** Which node may have which secret. Hardware that anybody can claim is not enough unless a rule says so. */
import { BomaError } from "@boma/protocol";

import type { ForNode } from "./provider.ts";
import { ASSURANCES, type SecretSettings } from "./secrets-file.ts";

export function assertMayHave(
  settings: Pick<SecretSettings, "assurance" | "rules">,
  reference: string,
  { id, assigned, assurance }: ForNode,
): void {
  const rule = settings.rules.find(({ secrets }) => secrets.matches(reference));
  if (rule?.nodes) {
    // By what was assigned alone: what a node claims of itself opens nothing.
    const verdict = rule.nodes.matches({ id, assigned: { ...assigned, assurance } });
    if (verdict !== "yes")
      throw new BomaError("secret/denied", `${id} may not have ${reference}: it is for ${rule.nodes.text}`);
  }
  const least = rule?.assurance ?? settings.assurance;
  if (ASSURANCES.indexOf(assurance) >= ASSURANCES.indexOf(least)) return;
  throw new BomaError(
    "secret/denied",
    `${id} may not have ${reference}: its assurance is ${assurance}, and this secret asks for ${least}`,
    {
      hint: "Enrol it with a boot token or by its fingerprint, or lower `assurance` in secrets.yaml for what may be known.",
    },
  );
}
