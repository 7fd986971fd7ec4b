/** What a node does about its own catalog, and what is known of it: for the functions that ask. */
import { DRIFT_MODES, parseDuration } from "@boma/protocol";
import { z } from "zod";

import { ReportedChange } from "../engine/report.ts";

/** A timer that is set for 25 days goes off at once, and again at once. */
const DURATION_MS_MAX = 7 * 24 * 3_600_000;
const Duration = z.string().refine((text) => {
  try {
    return parseDuration(text) <= DURATION_MS_MAX;
  } catch {
    return false;
  }
}, "a duration up to `7d`, such as `90s`, `5m` or `1h`");

/** What `agent.drift` says for the node; the defaults hold where nothing is declared. */
export const DriftSettings = z.strictObject({
  name: z.literal("node").describe("There is one for a node, and this is its name."),
  mode: z
    .enum(["enforce", "observe", "adopt"])
    .default("observe")
    .describe("For declarations that do not say it themselves with `drift`."),
  every: Duration.default("30m").describe("How often the whole catalog is looked at."),
  splay: Duration.default("10m").describe("Up to so much longer, by chance, so that a fleet spreads."),
  atOnce: z
    .boolean()
    .default(true)
    .describe("Look at once at what belongs to a file or a unit that changes."),
  reverts: z
    .int()
    .min(1)
    .max(100)
    .default(3)
    .describe("So many times a declaration is put right within `within`; then it is left alone."),
  within: Duration.default("1h").describe("The time in which reverts are counted."),
});
export type DriftSettings = z.output<typeof DriftSettings>;

/** The duty under which an agent finds them. */
export const DRIFT_DUTY = "agent.drift";

export const DriftedResource = z.strictObject({
  resource: z.string(),
  mode: z.enum(DRIFT_MODES),
  since: z.number(),
  who: z.array(z.string()),
  /** Told once, and silent as long as it stays like this. */
  adopted: z.boolean(),
});

export const DriftLook = z.strictObject({
  catalog: z.string(),
  checked: z.int(),
  drifted: z.array(
    z.strictObject({
      resource: z.string(),
      comment: z.string(),
      changes: z.record(z.string(), ReportedChange),
    }),
  ),
  failed: z.array(z.strictObject({ resource: z.string(), comment: z.string() })),
  /** Further ones that had no room here. */
  more: z.int(),
  ms: z.number(),
});
export type DriftLook = z.output<typeof DriftLook>;

export const DriftStatus = z.strictObject({
  catalog: z
    .strictObject({
      hash: z.string(),
      job: z.string(),
      operator: z.string(),
      at: z.number(),
      declarations: z.int(),
      /** The apply of it did not come to its end: it is looked at, and nothing is enforced. */
      unfinished: z.boolean(),
    })
    .nullable(),
  /** Why there is none that can be used. */
  problem: z.string().nullable(),
  settings: DriftSettings,
  lookedAt: z.number().nullable(),
  drifted: z.array(DriftedResource),
  failed: z.array(z.strictObject({ resource: z.string(), comment: z.string() })),
  stopped: z.array(z.strictObject({ resource: z.string(), reverts: z.int(), at: z.number() })),
  /** Files and units that are listened to, and those that only the schedule looks at. */
  watched: z.int(),
  unwatched: z.int(),
});
export type DriftStatus = z.output<typeof DriftStatus>;

export interface DriftPort {
  /** Looks now, at these declarations or at all of them, and puts nothing right. */
  look(ids: readonly string[] | undefined, signal: AbortSignal): Promise<DriftLook>;
  status(): Promise<DriftStatus>;
  /** Goes on with what the loop breaker stopped; says what that was. */
  reset(ids: readonly string[] | undefined): Promise<readonly string[]>;
}
