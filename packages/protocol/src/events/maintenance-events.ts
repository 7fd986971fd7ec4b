import { z } from "zod";

import { byNode } from "./event.ts";
import { Line, Moment, Name } from "./words.ts";

const Owed = z.strictObject({
  resource: z.string().max(5000).describe("The declaration, such as `service.running(consul.service)`."),
  unit: Name,
  domain: Name.describe("The failure domain, of which one node at a time is restarted."),
  since: Moment,
});

/** What waits for maintenance on a node. */
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
};
