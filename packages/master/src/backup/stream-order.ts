/**
 * Streams are copied one after the other while the master works, so what is copied first is older. The order makes every
 * such copy a state that a master's own recovery completes (docs/decisions/0024-backup.md): what is done last with a
 * thing is copied first.
 */
import type { StreamName } from "../bus/streams.ts";

const order: Readonly<Record<StreamName, number>> = {
  // What was taken out of it is done in all the others.
  INBOX: 1,
  // No more than the segments on the disk hold, which are copied after all streams.
  WITNESS: 2,
  AUDIT: 3,
  // Readers' and reactors' places: behind the events and jobs that they stand for.
  RECORDS: 4,
  // Orders of jobs that are there, with parcels that are there.
  MAILBOX: 5,
  CHUNKS: 6,
  JOBS: 7,
  // What is told twice is known; what was not told would be missing.
  EVENTS: 8,
};

export const COPIED: readonly StreamName[] = (Object.keys(order) as StreamName[]).sort(
  (a, b) => order[a] - order[b],
);

/** The records last: a bus that lacks them is not taken for one that the streams were moved to. */
export const PUT_BACK: readonly StreamName[] = [...COPIED.filter((name) => name !== "RECORDS"), "RECORDS"];
