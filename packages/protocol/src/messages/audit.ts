/** What a master signs of its audit: the last record so far, and with it every record before it. */
import { z } from "zod";

import { defineMessage } from "../envelope.ts";

export const Sha256Hex = z.string().regex(/^[0-9a-f]{64}$/);

export const AuditHead = defineMessage({
  kind: "audit.head",
  schema: 1,
  bytesMax: 4096,
  body: z.strictObject({
    chain: z.string().max(64),
    n: z.number().int().positive(),
    hash: Sha256Hex,
  }),
});
export type AuditHeadBody = z.output<typeof AuditHead.body>;
