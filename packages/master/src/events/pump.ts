/** Brings every event to a handler, at least once, from where it stood: for reactors and notifiers. */
import type { SequencedEvent } from "@boma/protocol";

import type { Logger } from "../log.ts";
import type { Store } from "../store/store.ts";
import { EventReader } from "./event-reader.ts";
import type { Events } from "./events.ts";
import { Lanes } from "./lanes.ts";
import type { SubscriberRecord, Subscribers } from "./subscribers.ts";

export interface PumpParts {
  readonly store: Store;
  readonly events: Events;
  readonly subscribers: Subscribers;
  readonly log: Logger;
}

export interface PumpOptions {
  readonly subscriber: SubscriberRecord;
  readonly handler: Handler;
  readonly signal: AbortSignal;
}

/** What it is given is dealt with when it resolves, whatever came of it; the place moves on only then. */
export type Handler =
  | {
      readonly each: (event: SequencedEvent) => Promise<void>;
      /** How many events may be in its hands at once; those of one node stay in order. One, where it is not said. */
      readonly width?: number;
    }
  /** Takes what is there at once, in its order: for whoever writes down what many of them come to. */
  | { readonly portion: (events: readonly SequencedEvent[]) => Promise<void> };

const PORTION = 100;
const WAIT_MS = 5_000;
const AGAIN_MS = 1_000;

export async function pump(parts: PumpParts, options: PumpOptions): Promise<void> {
  const { store, events, subscribers, log } = parts;
  const { subscriber, handler, signal } = options;
  const { kind, name, patterns } = subscriber;
  const advance = (position: number) => subscribers.advance(kind, name, position);
  const begin = (after: number) => ({
    reader: new EventReader(store, { after, patterns }),
    hands:
      "each" in handler
        ? new Lanes(handler.width ?? 1, handler.each, advance)
        : whole(handler.portion, advance),
  });
  let { reader, hands } = begin(subscriber.position);
  try {
    while (!signal.aborted) {
      try {
        const { events: portion, position, lost } = await reader.next(PORTION, WAIT_MS);
        if (signal.aborted) return;
        if (lost > 0)
          events.tell({ kind: "subscriber.behind", data: { subscriber: name, lost, until: position } });
        await hands.takeAll(portion, signal);
        if (portion.length === 0 && hands.isEmpty && position > subscriber.position) await advance(position);
      } catch (error) {
        if (signal.aborted) return;
        log.warn({ subscriber: name, error: String(error) }, "events cannot be read now; trying again");
        await new Promise((resolve) => setTimeout(resolve, AGAIN_MS));
        // What was read and not dealt with is read again: a place that moved on without it would lose it.
        await hands.settled();
        reader.close();
        ({ reader, hands } = begin(subscribers.get(kind, name)?.position ?? subscriber.position));
      }
    }
  } finally {
    reader.close();
  }
}

/** The same as lanes are for single events. */
const whole = (
  take: (events: readonly SequencedEvent[]) => Promise<void>,
  advance: (position: number) => Promise<void>,
): Pick<Lanes, "takeAll" | "isEmpty" | "settled"> => ({
  isEmpty: true,
  async takeAll(events) {
    const last = events.at(-1);
    if (!last) return;
    await take(events);
    await advance(last.sequence);
  },
  settled: () => Promise.resolve(),
});
