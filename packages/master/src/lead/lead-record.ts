/** Who leads, as the bus keeps it: written on the condition that nobody wrote since. */
import { pack, subjects, unpack } from "@boma/protocol";
import { z } from "zod";

import { hide, reveal } from "../secret-box.ts";
import { type Store, STREAM } from "../store/store.ts";

export const LeadRecord = z.strictObject({
  /** Only rises; whoever has a lower one leads no more. */
  term: z.int().positive(),
  /** The home that leads: a master that starts again on it need not wait for itself. */
  home: z.string(),
  /** For people. */
  host: z.string(),
  since: z.number(),
  /** The leader's users of the bus, by which whoever follows shuts it out. */
  users: z.array(z.string()),
  /** Users that were shut out, and when. */
  former: z.record(z.string(), z.number()),
});
export type LeadRecord = z.output<typeof LeadRecord>;

const SUBJECT = subjects.record("lead", "master");

export interface FoundLead {
  readonly lead: LeadRecord | undefined;
  /** 0 before the first one. */
  readonly sequence: number;
}

export async function readLead(store: Store): Promise<FoundLead> {
  const found = await store.last(STREAM.records, SUBJECT);
  if (!found) return { lead: undefined, sequence: 0 };
  return { lead: LeadRecord.parse(unpack(reveal(found.data, store.key, SUBJECT))), sequence: found.sequence };
}

/** Throws `WriteConflict` where somebody was quicker. */
export const writeLead = (store: Store, lead: LeadRecord, after: number): Promise<number> =>
  store.put(SUBJECT, hide(pack(LeadRecord.parse(lead)), store.key, SUBJECT), { after });
