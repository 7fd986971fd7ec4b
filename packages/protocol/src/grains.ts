import { z } from "zod";

/**
 * Grains are plain data: maps, lists, text, numbers, truth values. What a node
 * claims and what the master assigned are two trees that are never merged.
 */
export type GrainValue =
  | string
  | number
  | boolean
  | null
  | readonly GrainValue[]
  | { readonly [key: string]: GrainValue };
export type Grains = { readonly [key: string]: GrainValue };

export const GrainValue: z.ZodType<GrainValue> = z.lazy(() =>
  z.union([
    z.string().max(4096),
    z.number(),
    z.boolean(),
    z.null(),
    z.array(GrainValue).max(1024),
    GrainTree,
  ]),
);
const GrainTree = z.record(z.string().min(1).max(128), GrainValue);
export const Grains: z.ZodType<Grains> = GrainTree as z.ZodType<Grains>;

/** Words that always mean what the master assigned; a claim of the same name cannot shadow them. */
export const ASSIGNED_ONLY = ["env", "role", "profile", "site"] as const;

const ASSIGNED_KEY = /^[a-z][a-z0-9_.-]{0,62}$/;
export const Assigned = z.record(
  z.string().regex(ASSIGNED_KEY, "an assigned grain is named [a-z][a-z0-9_.-]*"),
  z.union([z.string().max(255), z.array(z.string().max(255)).max(64)]),
);
export type Assigned = z.infer<typeof Assigned>;
