/** What operators ask about notifications: how they fare, what was given up, and does one arrive. */
import { z } from "zod";

import { defineVerb } from "../verb.ts";

const Name = z.string().min(1).max(64);

export const notifyList = defineVerb({
  verb: "notify.list",
  right: "read",
  args: z.strictObject({}),
  answer: (_, { control }) => control.notifications.list(),
});

export const notifyDead = defineVerb({
  verb: "notify.dead",
  right: "read",
  args: z.strictObject({}),
  async *answer(_, { control }) {
    yield* control.notifications.dead();
  },
});

export const notifyRetry = defineVerb({
  verb: "notify.retry",
  right: "admin",
  args: z.strictObject({ id: Name.optional() }),
  answer: ({ id }, { control }) => control.notifications.retry(id),
});

export const notifyTest = defineVerb({
  verb: "notify.test",
  right: "admin",
  args: z.strictObject({ name: Name }),
  answer: ({ name }, { control }) => control.notifications.test(name),
});
