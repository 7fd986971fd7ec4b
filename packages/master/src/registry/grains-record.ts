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
});
export type GrainsRecord = z.output<typeof GrainsRecord>;
