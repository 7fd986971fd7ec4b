import { z } from "zod";

import { defineFunction } from "../../define-function.ts";

const Moment = z.string().describe("By the master's clock.");
const Run = z.strictObject({
  due: Moment,
  startedAt: Moment,
  ms: z.number(),
  status: z.string(),
  comment: z.string(),
});

export default defineFunction({
  name: "schedule.list",
  summary:
    "What the node runs by itself: when each schedule is due next, how it ended last, what was missed.",
  params: z.strictObject({}),
  result: z.array(
    z.strictObject({
      name: z.string(),
      function: z.string(),
      enabled: z.boolean(),
      running: z.boolean(),
      nextDue: Moment.optional(),
      lastRun: Run.optional(),
      missed: z.int(),
      lastMissed: z.strictObject({ due: Moment, count: z.int(), why: z.string() }).optional(),
      problem: z.string().optional(),
    }),
  ),
  effect: "read",
  onRestart: "resume",
  timeoutMs: 10_000,
  examples: ["boma-master run 'env:dev' schedule.list"],
  run: async (_, { host }) =>
    host.schedules.list().map(({ nextDue, lastRun, lastMissed, ...one }) => ({
      ...one,
      ...(nextDue !== undefined && { nextDue: text(nextDue) }),
      ...(lastRun && {
        lastRun: { ...lastRun, due: text(lastRun.due), startedAt: text(lastRun.startedAt) },
      }),
      ...(lastMissed && { lastMissed: { ...lastMissed, due: text(lastMissed.due) } }),
    })),
});

const text = (moment: number): string => new Date(moment).toISOString();
