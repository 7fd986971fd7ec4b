import { z } from "zod";

import { byNode } from "./event.ts";
import { Differences, Line, Moment, Name } from "./words.ts";

export const DRIFT_MODES = ["enforce", "observe", "adopt", "hands-off"] as const;
export type DriftMode = (typeof DRIFT_MODES)[number];

const Resource = z.string().max(5000).describe("The declaration, such as `file.managed(/etc/motd)`.");
const Who = z.array(Line).max(10).describe("Whom the system names for it, where it does.");

/** A node is not as its catalog says, or is so again. */
export const driftEvents = {
  "drift.found": byNode(
    "A declaration of the node's catalog is not so any more.",
    z.strictObject({
      resource: Resource,
      catalog: Name,
      mode: z.enum(DRIFT_MODES),
      /** `from` is what is there, `to` is what the catalog says. */
      changes: Differences,
      comment: Line,
      since: Moment,
      sinceBy: z
        .enum(["change", "look"])
        .optional()
        .describe(
          "The moment of the change itself, or that of the last look at which it was as it should be.",
        ),
      who: Who,
      trigger: z.enum(["schedule", "beacon", "asked"]),
    }),
  ),
  "drift.healed": byNode(
    "A declaration that had drifted is as it should be again.",
    z.strictObject({
      resource: Resource,
      catalog: Name,
      by: z.enum(["boma", "job", "somebody", "new-catalog"]),
      since: Moment,
    }),
  ),
  "drift.failed": byNode(
    "A declaration that had drifted could not be put right, or not be looked at.",
    z.strictObject({ resource: Resource, catalog: Name, comment: Line }),
  ),
  "drift.loop": byNode(
    "Somebody undoes what boma puts right, again and again: boma leaves it alone until it is told to go on.",
    z.strictObject({
      resource: Resource,
      catalog: Name,
      reverts: z.int(),
      withinMs: z.number(),
      who: Who,
    }),
  ),
  "drift.checked": byNode(
    "How a whole look at the catalog ended; told when it ended otherwise than the one before, and once a day.",
    z.strictObject({
      catalog: Name,
      checked: z.int(),
      drifted: z.int(),
      failed: z.int(),
      ms: z.number(),
      enforced: z.int(),
    }),
  ),
};
