/** Everything that happens, in order, for whoever wants to know: one stream, one writer. */
import { JobId, NodeKey, pack, subjects, unpack } from "@boma/protocol";
import { z } from "zod";

import type { Logger } from "../log.ts";
import { type Store, type Stored, STREAM } from "../store/store.ts";
import { EVENT_KINDS, type EventKind, kindPattern } from "./kinds.ts";

const BomaEvent = z.strictObject({
  kind: z.enum(Object.keys(EVENT_KINDS) as [EventKind, ...EventKind[]]),
  at: z.number(),
  node: NodeKey.optional(),
  id: z.string().optional(),
  job: JobId.optional(),
  operator: z.string().optional(),
  data: z.record(z.string(), z.unknown()),
});
export type BomaEvent = z.output<typeof BomaEvent>;
export type NewEvent = Omit<BomaEvent, "at" | "data"> & { readonly data?: BomaEvent["data"] };
export type SequencedEvent = BomaEvent & { readonly sequence: number };

type Listener = (event: SequencedEvent) => void;

export class Events {
  readonly #store: Store;
  readonly #log: Logger;
  readonly #listeners = new Set<Listener>();
  /** Events are written in the order in which they happened, one batch under way at a time. */
  #writing: Promise<void> = Promise.resolve();

  constructor(store: Store, log: Logger) {
    this.#store = store;
    this.#log = log;
  }

  /** Tells an event. It never fails the caller: what cannot be written is logged loudly. */
  tell(event: NewEvent): void {
    const told: BomaEvent = { ...event, at: Date.now(), data: event.data ?? {} };
    const subject = subjects.event(told.kind, { job: told.job, node: told.node });
    const written = this.#store.put(subject, pack(told));
    // The publish has left in order; only the announcement waits for its turn.
    this.#writing = this.#writing
      .then(() => written)
      .then((sequence) => this.#announce({ ...told, sequence }))
      .catch((error: unknown) =>
        this.#log.error({ event: told, error: String(error) }, "an event could not be stored"),
      );
  }

  #announce(event: SequencedEvent): void {
    for (const listener of this.#listeners) listener(event);
  }

  listen(listener: Listener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Stored events that fit a pattern such as `job.*`, oldest first. */
  async *read(options: {
    pattern?: string;
    job?: string;
    sequence?: number;
    since?: Date;
  }): AsyncGenerator<SequencedEvent> {
    const { pattern = "*", job, sequence, since } = options;
    const filter = `boma.evt.${job ?? "*"}.*.>`;
    const fits = kindPattern(pattern);
    const from = { ...(sequence !== undefined && { sequence }), ...(since && { since }) };
    for await (const stored of this.#store.replay(STREAM.events, filter, from)) {
      const event = readEvent(stored);
      if (fits(event.kind)) yield event;
    }
  }

  /** Waits until everything told so far is stored. */
  settled(): Promise<void> {
    return this.#writing;
  }
}

const readEvent = ({ data, sequence }: Stored): SequencedEvent => ({
  ...(unpack(data) as BomaEvent),
  sequence,
});
