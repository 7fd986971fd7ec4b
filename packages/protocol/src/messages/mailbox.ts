/** All unfinished jobs of one node, as one signed snapshot. Subject: `boma.mail.KEY`; stored until the next one replaces it. */
import { z } from "zod";

import { defineMessage } from "../envelope.ts";
import { JobId } from "../ids.ts";
import { CHUNKS_MAX, MAILBOX_JOBS_MAX, PAYLOAD_BYTES_MAX } from "../limits.ts";

/** Something larger than a message: so many chunks below the node's own prefix, by the digest of the whole. */
export const ChunkRef = z.strictObject({
  digest: z.string().regex(/^[0-9a-f]{64}$/, "a SHA-256 in hex"),
  parts: z.number().int().positive().max(CHUNKS_MAX),
  bytes: z.number().int().nonnegative(),
});
export type ChunkRef = z.output<typeof ChunkRef>;

export const JobOrder = z.strictObject({
  job: JobId,
  function: z.string().max(128),
  args: z.record(z.string().max(128), z.unknown()),
  /** By the master's clock: when the job was made, and after which moment no node may begin it. */
  issuedAt: z.number().int(),
  expiresAt: z.number().int(),
  /** How long the function may run on the node. */
  timeoutMs: z.number().int().positive(),
  test: z.boolean(),
  operator: z.string().max(64),
  /** What lies for this node among the chunks, sealed to it: the catalog of a job that brings one. */
  parcel: ChunkRef.optional(),
});
export type JobOrder = z.output<typeof JobOrder>;

export const Mailbox = defineMessage({
  kind: "mailbox",
  schema: 1,
  bytesMax: PAYLOAD_BYTES_MAX,
  body: z.strictObject({
    /** Rises with each snapshot: an older one is a replay. */
    number: z.number().int().positive(),
    jobs: z.array(JobOrder).max(MAILBOX_JOBS_MAX),
    /** Jobs to be stopped, or not to be begun. */
    cancelled: z.array(JobId).max(MAILBOX_JOBS_MAX * 2),
  }),
});
export type MailboxBody = z.output<typeof Mailbox.body>;
