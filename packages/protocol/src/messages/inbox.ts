/** What a node says unasked. Subjects: `boma.in.KEY.return|progress|grains|event`, kept until a master took them. */
import { z } from "zod";

import { defineMessage } from "../envelope.ts";
import { type EventData, EVENTS, NODE_EVENTS, type NodeEventKind } from "../events/index.ts";
import { Grains } from "../grains.ts";
import { JobId } from "../ids.ts";
import {
  GRAINS_BYTES_MAX,
  INBOX_BYTES_MAX,
  EVENT_BYTES_MAX,
  LINE_BYTES_MAX,
  PROGRESS_LINES_MAX,
  DECLARATION_ID_LENGTH_MAX,
  PROGRESS_STEPS_MAX,
} from "../limits.ts";

/** How a function can end on the node itself. */
export const RETURN_STATUS = [
  "ok",
  "changed",
  "failed",
  "refused",
  "timeout",
  "expired",
  "cancelled",
] as const;

const WireError = z.strictObject({
  code: z.string().max(64),
  message: z.string().max(4000),
  hint: z.string().max(1000).optional(),
});
export type WireError = z.output<typeof WireError>;

export const NodeReturn = defineMessage({
  kind: "node.return",
  schema: 1,
  bytesMax: INBOX_BYTES_MAX,
  body: z.strictObject({
    job: JobId,
    status: z.enum(RETURN_STATUS),
    value: z.unknown(),
    error: WireError.optional(),
    startedAt: z.number().int(),
    ms: z.number().nonnegative(),
    /** The value was larger than a result may be, and was cut. */
    cut: z.boolean(),
  }),
});
export type NodeReturnBody = z.output<typeof NodeReturn.body>;

const ProgressLine = z.strictObject({
  stream: z.enum(["stdout", "stderr"]),
  text: z.string().max(LINE_BYTES_MAX),
});

const ProgressStep = z.strictObject({
  id: z.string().max(DECLARATION_ID_LENGTH_MAX),
  index: z.number().int().nonnegative(),
  total: z.number().int().nonnegative(),
  /** How it ended; absent while it runs. */
  result: z.string().max(16).optional(),
  ms: z.number().nonnegative().optional(),
});
export type ProgressStep = z.output<typeof ProgressStep>;

export const NodeProgress = defineMessage({
  kind: "node.progress",
  schema: 1,
  bytesMax: INBOX_BYTES_MAX,
  body: z.strictObject({
    job: JobId,
    /** Counts the progress messages of this job on this node, from 0. */
    part: z.number().int().nonnegative(),
    accepted: z.boolean(),
    lines: z.array(ProgressLine).max(PROGRESS_LINES_MAX),
    /** Declarations that began or ended, of a job that applies a catalog. */
    steps: z.array(ProgressStep).max(PROGRESS_STEPS_MAX).optional(),
    /** Lines that were left out because they came faster than they may travel. */
    dropped: z.number().int().nonnegative(),
  }),
});
export type NodeProgressBody = z.output<typeof NodeProgress.body>;

export const NodeGrains = defineMessage({
  kind: "node.grains",
  schema: 1,
  bytesMax: GRAINS_BYTES_MAX + 4096,
  body: z.strictObject({ revision: z.string().max(64), grains: Grains }),
});

const [firstKind, ...otherKinds] = NODE_EVENTS.map((kind) =>
  z.strictObject({ kind: z.literal(kind), data: EVENTS[kind].data }),
);

/** One thing that a node tells of itself; the master alone says everything else. */
export const NodeEvent = defineMessage({
  kind: "node.event",
  schema: 1,
  bytesMax: EVENT_BYTES_MAX,
  body: z.discriminatedUnion("kind", [firstKind!, ...otherKinds]) as unknown as z.ZodType<NodeEventBody>,
});
export type NodeEventBody = { [K in NodeEventKind]: { kind: K; data: EventData<K> } }[NodeEventKind];
