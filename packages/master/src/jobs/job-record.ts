import { JobId, NodeId, NodeKey } from "@boma/protocol";
import { z } from "zod";

/** What was asked for, as it is kept. It does not change after the start, but for how it ended. */
export const JobRecord = z.strictObject({
  job: JobId,
  function: z.string(),
  args: z.record(z.string(), z.unknown()),
  target: z.string(),
  operator: z.string(),
  /** The reactors that led to it, the first one first. */
  causes: z.array(z.string()).optional(),
  effect: z.enum(["read", "write"]),
  test: z.boolean(),
  createdAt: z.number(),
  timeoutMs: z.number(),
  /** Until when offline nodes may still begin; the time of creation where the job does not wait for them. */
  expiresAt: z.number(),
  /** Nodes at a time; all of them where it is not said. */
  batch: z.number().optional(),
  /** With more failures than this, no further node begins. */
  maxFail: z.number().optional(),
  /** What no other job may hold while this one is open; its node is one. */
  lease: z.string().optional(),
  nodes: z.number(),
  state: z.enum(["open", "cancelled", "closed"]),
  closedAt: z.number().optional(),
});
export type JobRecord = z.output<typeof JobRecord>;

export const ExpectedNodes = z.array(z.tuple([NodeKey, NodeId]));
export type ExpectedNode = { readonly key: string; readonly id: string };
