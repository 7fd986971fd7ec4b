/** What the functions `terraform.*` give back. Nothing here holds a value that Terraform or boma calls secret. */
import { z } from "zod";

export const ResourceChange = z.strictObject({
  address: z.string().max(2048),
  action: z.enum(["create", "update", "replace", "delete", "forget"]),
  /** Terraform's own word for why. */
  reason: z.string().optional(),
  attributes: z.record(
    z.string(),
    z.strictObject({ from: z.unknown().optional(), to: z.unknown().optional() }),
  ),
});
export type ResourceChange = z.output<typeof ResourceChange>;

export const OutputChange = z.strictObject({ name: z.string(), action: z.string() });
export type OutputChange = z.output<typeof OutputChange>;

export const PlanCounts = z.strictObject({
  add: z.int(),
  change: z.int(),
  replace: z.int(),
  destroy: z.int(),
  forget: z.int(),
});
export type PlanCounts = z.output<typeof PlanCounts>;

const Digest = z.string().regex(/^[0-9a-f]{64}$/);

/** Where a state stands; one that is empty has no lineage yet. */
export const StatePlace = z.strictObject({ serial: z.int().min(0), lineage: z.string().max(255).nullable() });
export type StatePlace = z.output<typeof StatePlace>;

/** What a plan was made from, and so what must be the same when it is applied. */
export const Bound = z.strictObject({
  /** Of the plan's file. */
  sha256: Digest,
  ...StatePlace.shape,
  /** Of the program: `tofu 1.6.3`. */
  version: z.string().max(64),
  /** Of the workspace's files. */
  files: Digest,
  /** Of everything else that the site says of it, with keyed tags of the secrets' values. */
  inputs: Digest,
});
export type Bound = z.output<typeof Bound>;

const Found = {
  workspace: z.string(),
  counts: PlanCounts,
  changes: z.array(ResourceChange),
  /** Further ones that had no room here. */
  more: z.int(),
  outputs: z.array(OutputChange),
};

export const PlanResult = z.strictObject({
  ...Found,
  /** Absent where nothing is to do, or where it must not be done. */
  bound: Bound.optional(),
  /** Why it must not be applied. */
  violations: z.array(z.string()),
});
export type PlanResult = z.output<typeof PlanResult>;

export const ApplyResult = z.strictObject({
  workspace: z.string(),
  plan: z.string(),
  /** The program's own word: it exited with 0, or it did not and part of it may be done. */
  applied: z.boolean(),
  /** The last that it said, where it failed. */
  said: z.string(),
  state: StatePlace,
  /** Where the state from before is kept on the node; absent where there was none. */
  backup: z.string().optional(),
  /** The state that could not be given to the backend, and is kept on the node: it has to be restored before all else. */
  rescued: z.string().optional(),
  outputs: z.array(z.strictObject({ name: z.string(), sensitive: z.boolean() })),
});
export type ApplyResult = z.output<typeof ApplyResult>;

export const DriftResult = z.strictObject({ ...Found, drifted: z.boolean() });
export type DriftResult = z.output<typeof DriftResult>;

export const OutputResult = z.strictObject({
  workspace: z.string(),
  outputs: z.record(z.string(), z.strictObject({ sensitive: z.boolean(), value: z.unknown() })),
});
export type OutputResult = z.output<typeof OutputResult>;

export const BackupList = z.strictObject({
  workspace: z.string(),
  /** The newest first. */
  backups: z.array(z.strictObject({ backup: z.string(), at: z.number(), serial: z.int(), bytes: z.int() })),
});
export type BackupList = z.output<typeof BackupList>;
