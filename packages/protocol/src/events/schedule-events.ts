import { z } from "zod";

import { byNode } from "./event.ts";
import { Line, Moment, Name } from "./words.ts";

/** What nodes do by themselves, on time or not. */
export const scheduleEvents = {
  "schedule.ran": byNode(
    "A node ran what its schedule says.",
    z.strictObject({
      schedule: Name,
      function: Name,
      due: Moment,
      startedAt: Moment,
      ms: z.number(),
      status: Name,
      comment: Line,
    }),
  ),
  "schedule.missed": byNode(
    "What a schedule says was not run when it was due.",
    z.strictObject({
      schedule: Name,
      function: Name,
      /** The first of them, and how many; a thousand stands for any more. */
      due: Moment,
      count: z.int().positive(),
      why: z.enum(["agent-down", "asleep", "still-running", "outside-window", "refused"]),
      /** Why it was refused. */
      comment: Line,
      /** It is run once now that this was noticed. */
      madeUp: z.boolean(),
    }),
  ),
};
