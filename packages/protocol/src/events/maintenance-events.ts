import { z } from "zod";

import { byMaster, byNode } from "./event.ts";
import { Line, Moment, Name } from "./words.ts";

const Owed = z.strictObject({
  resource: z.string().max(5000).describe("The declaration, such as `service.running(consul.service)`."),
  unit: Name,
  domain: Name.describe("The failure domain, of which one node at a time is restarted."),
  since: Moment,
});

/** What waits for maintenance on a node, and whose turn it is. */
export const maintenanceEvents = {
  "maintenance.owed": byNode(
    "A restart is owed and waits for maintenance; told when it becomes so, and once a day while it stays so.",
    Owed.extend({
      why: Line,
      cause: z.string().max(5000).optional().describe("The declaration whose change made it owed."),
      days: z.int().nonnegative().describe("How many whole days it has waited."),
    }),
  ),
  "maintenance.settled": byNode("A restart that was owed is not owed any more.", Owed),
  "lease.ended": byMaster(
    "A job lost its turn in a failure domain before its node said how it ended: by an operator's word, or because the node was revoked.",
    z.strictObject({
      domain: Name,
      since: Moment.describe("Since when the job held it."),
      of: Name.describe("Who had asked for the job."),
      reason: Line,
      forced: z.boolean().describe("The node was connected, and might have been restarting."),
    }),
  ),
};
