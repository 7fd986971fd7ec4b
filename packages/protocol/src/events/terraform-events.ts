import { z } from "zod";

import { byNode } from "./event.ts";
import { Line, Name } from "./words.ts";

/** What becomes of workspaces; by address, and without any value. */
export const terraformEvents = {
  "terraform.applied": byNode(
    "An apply of a workspace came to its end on the node, whether anybody waited for it still or not.",
    z.strictObject({
      workspace: Name,
      plan: Name,
      applied: z.boolean().describe("The program said so; otherwise part of it may be done."),
      serial: z.int().describe("Of the state that there is now."),
    }),
  ),
  "terraform.drifted": byNode(
    "A look at a workspace found something else than the look before it.",
    z.strictObject({
      workspace: Name,
      drifted: z.boolean(),
      addresses: z.array(Line).max(100).describe("What differs, outputs included; the first of them."),
      more: z.int(),
    }),
  ),
};
