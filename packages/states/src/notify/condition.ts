/** When an event is worth telling, said as data: every path must hold. */
import { z } from "zod";

const Scalar = z.union([z.string().max(512), z.number(), z.boolean()]);
const Bounds = z
  .strictObject({
    atLeast: z.number().optional(),
    atMost: z.number().optional(),
    above: z.number().optional(),
    below: z.number().optional(),
    not: z.union([Scalar, z.array(Scalar).min(1).max(64)]).optional(),
    there: z.boolean().optional(),
  })
  .refine((bounds) => Object.keys(bounds).length > 0, "says nothing");

/** A text is a glob, a list means any of them, and an object holds bounds. */
const Wanted = z.union([Scalar, z.array(Scalar).min(1).max(64), Bounds]);
export type WantedValue = z.output<typeof Wanted>;

/** By the path in the event: `data.status`, `id`, `data.statuses.failed`. */
export const Condition = z.record(z.string().min(1).max(255), Wanted);
export type Condition = z.output<typeof Condition>;
