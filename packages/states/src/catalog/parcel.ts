/** What travels to one node with a job: its catalog, and apart from it what only that node may see. Sealed to the node. */
import { z } from "zod";

import { Catalog } from "./catalog.ts";

export const Parcel = z.strictObject({
  catalog: Catalog,
  /** Less than all that the site says of the node: what others are owed is not its business. */
  partial: z.boolean(),
  /** Reference to value; in memory only. */
  secrets: z.record(z.string(), z.string()),
  /** An apply that is bound to a plan: the hash of this node's part, and a digest for each declaration. */
  plan: z.strictObject({ hash: z.string(), digests: z.record(z.string(), z.string()) }).optional(),
});
export type Parcel = z.output<typeof Parcel>;
