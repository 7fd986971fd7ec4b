import { z } from "zod";

import type { SequencedEvent } from "../../events/events.ts";
import { kindPattern } from "../../events/kinds.ts";
import { queueOf } from "../../queue.ts";
import { defineVerb } from "../verb.ts";

export const eventsRead = defineVerb({
  verb: "events.read",
  right: "read",
  args: z.strictObject({
    pattern: z.string().min(1).max(128),
    since: z.number().optional(),
    sequence: z.number().int().positive().optional(),
    follow: z.boolean(),
  }),
  async *answer({ pattern, since, sequence, follow }, { control, signal }) {
    const { events } = control;
    const fits = kindPattern(pattern);
    // Listening begins before reading, so that nothing falls between the two.
    const live = queueOf<SequencedEvent>(signal);
    const stop = follow ? events.listen((event) => fits(event.kind) && live.push(event)) : () => undefined;
    try {
      // The feed exists from here on, also while there is nothing to say yet.
      yield { begin: true };
      let last = 0;
      const stored =
        follow && since === undefined && sequence === undefined
          ? []
          : events.read({
              pattern,
              ...(since !== undefined && { since: new Date(since) }),
              ...(sequence !== undefined && { sequence }),
            });
      for await (const event of stored) {
        last = event.sequence;
        yield event;
      }
      if (follow) for await (const event of live) if (event.sequence > last) yield event;
    } finally {
      stop();
    }
  },
});
