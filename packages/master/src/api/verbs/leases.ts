import { BomaError, JobId } from "@boma/protocol";
import { z } from "zod";

import { endLease } from "../../maintenance/end-lease.ts";
import { holders } from "../../maintenance/holders.ts";
import { defineVerb } from "../verb.ts";

/** Which node has its turn in which failure domain. */
export const leaseList = defineVerb({
  verb: "lease.list",
  right: "read",
  args: z.strictObject({}),
  answer: (_, { control }) => holders(control),
});

/** Ends the turn of a node that will not say how it ended. The right is that of the job which holds it. */
export const leaseEnd = defineVerb({
  verb: "lease.end",
  right: "itself",
  args: z.strictObject({
    name: z.string().min(1).max(255),
    job: JobId,
    reason: z.string().min(3).max(500),
    force: z.boolean(),
  }),
  async answer(asked, { control, operator, reaction }) {
    if (reaction) throw new BomaError("operator/denied", "a reactor may not end a lease: only a person may");
    return endLease(control, asked, operator);
  },
});
