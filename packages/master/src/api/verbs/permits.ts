import { BomaError, JobId, PERMIT_TTL_MS_MAX } from "@boma/protocol";
import { z } from "zod";

import { permitFor, shownBy } from "../../maintenance/sign-permit.ts";
import { authorise } from "../rights.ts";
import { defineVerb } from "../verb.ts";

/** Signs a token for one destruction. Whoever may do it may allow it: the right is that of the function. */
export const permitSign = defineVerb({
  verb: "permit.sign",
  right: "itself",
  args: z.strictObject({
    /** The disk.evidence that the operator was shown. */
    job: JobId,
    reason: z.string().min(3).max(500),
    ttlMs: z.number().int().min(1000).max(PERMIT_TTL_MS_MAX),
  }),
  async answer(asked, { control, operator, reaction }) {
    if (reaction) throw new BomaError("operator/denied", "a reactor may not allow anything to be destroyed");
    const shown = await shownBy(control, asked.job, operator.name);
    const { node, evidence } = shown;
    const nodes = [control.registry.targetNode(node)];
    authorise(operator, { right: "run", function: "disk.wipe", nodes });
    const permit = permitFor(control, { ...shown, ...asked, operator: operator.name });
    await control.events.told({
      kind: "approval.given",
      operator: operator.name,
      node: node.key,
      id: node.id,
      data: { what: "disk.wipe", subject: evidence.device.slice(-255), fingerprint: evidence.digest },
    });
    return { ...permit, node: node.id };
  },
});
