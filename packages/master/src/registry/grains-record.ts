import { Grains, NodeKey } from "@boma/protocol";
import { z } from "zod";

/** The grains that a node claimed last. */
export const GrainsRecord = z.strictObject({
  key: NodeKey,
  revision: z.string(),
  at: z.number(),
  /** When the node said so, by its own signature: what is older is a replay. */
  saidAt: z.number(),
  grains: Grains,
  /** What is told of the change: the master who wrote it down may die before he told it. */
  changed: z.array(z.string()).optional(),
});
export type GrainsRecord = z.output<typeof GrainsRecord>;
