import { z } from "zod";

/** A short word: a name, a kind, a hash. */
export const Name = z.string().max(255);
/** One line of text for people. */
export const Line = z.string().max(2000);
/** Properties of a declaration that differ: what is, what should be; secrets are masked. */
export const Differences = z.record(
  z.string().max(128),
  z.strictObject({ from: z.unknown().optional(), to: z.unknown().optional(), diff: z.string().optional() }),
);
/** Milliseconds since 1970. */
export const Moment = z.number();
