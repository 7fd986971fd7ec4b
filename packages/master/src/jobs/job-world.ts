/** What a job needs from the rest of the master, and how it is kept there. */
import type { JobOrder } from "@boma/protocol";

import type { Course, Ending } from "./course.ts";
import type { JobRecord } from "./job-record.ts";

/** An ending as it is kept: in the node's own signed words, or in the master's. */
export type Kept = { readonly frame: Uint8Array } | { readonly byMaster: Ending };

/** What a job needs from the rest of the master. */
export interface JobWorld {
  connected(key: string): boolean;
  /** Says the order to all nodes at once, where it is one for all of them; says whether it did. */
  callOut(
    order: JobOrder,
    job: { readonly record: JobRecord; readonly courses: ReadonlyMap<string, Course> },
  ): boolean;
  /** Puts the order into the node's mailbox; says why not, where it cannot. */
  deliver(key: string, order: JobOrder): Promise<Ending | undefined>;
  /** Puts the order of what began there into the mailbox, if it is not in it: who has ended says so again. */
  remind(key: string, order: JobOrder): Promise<void>;
  withdraw(key: string, job: string): Promise<void>;
  /** Keeps an ending, and says which one stands: the first that was kept. */
  keep(job: string, key: string, ending: Ending, kept: Kept): Promise<Ending>;
  close(record: JobRecord): Promise<void>;
  now(): number;
  /** What nodes said until then has been heard. */
  readUntil(): number;
  /** The store does not take what it must. */
  broken(error: unknown): void;
}
