/** Everything that happens, in one stream, in the order in which it was told. */
import {
  BomaError,
  type BomaEvent,
  type EventData,
  type EventKind,
  type EventOf,
  isEventKind,
  kindPattern,
  newSession,
  pack,
  type SequencedEvent,
  subjects,
  unpack,
} from "@boma/protocol";

import { AtOnce } from "../at-once.ts";
import type { Logger } from "../log.ts";
import { isDoneWithin } from "../patience.ts";
import { type Store, type Stored, STREAM, WriteConflict } from "../store/store.ts";

/** What is told without anybody waiting for it is held so long; the bus may be away for a while. All nodes of a large fleet may go and come. */
const HELD_MAX = 100_000;
const WRITTEN_AT_ONCE = 500;
const AGAIN_MS = 1_000;
const SETTLE_MS_MAX = 10_000;

type New<K extends EventKind> = Omit<EventOf<K>, "at" | "uid" | "data"> & { readonly uid?: string } & (Record<
    never,
    never
  > extends EventData<K>
    ? { readonly data?: EventData<K> }
    : { readonly data: EventData<K> });
export type NewEvent = { [K in EventKind]: New<K> }[EventKind];

type Listener = (event: SequencedEvent) => void;

export class Events {
  readonly #store: Store;
  readonly #log: Logger;
  readonly #listeners = new Set<Listener>();
  readonly #writing = new AtOnce(WRITTEN_AT_ONCE);
  #held = 0;
  #lost = 0;
  /** What is told of one node in one job is stored in the order in which it was told; the last of each waits here. */
  readonly #last = new Map<string, Promise<unknown>>();
  /** Events are announced in the order in which they were stored. */
  #announcing: Promise<void> = Promise.resolve();

  constructor(store: Store, log: Logger) {
    this.#store = store;
    this.#log = log;
  }

  /**
   * Resolves with its place in the stream once the stream has it. What it tells has happened: should the bus not take
   * it now, the caller hears so, and it is told as soon as it can be.
   */
  async told(event: NewEvent): Promise<number> {
    const whole = complete(event);
    try {
      return await this.#inTurn(whole, () => this.#write(whole));
    } catch (thrown) {
      if (!isPoison(thrown)) this.#hold(whole);
      throw thrown;
    }
  }

  /** The same for what its sender repeats until we have it: nothing is held here. */
  taken(event: NewEvent & { readonly uid: string }): Promise<number> {
    const whole = complete(event);
    return this.#inTurn(whole, () => this.#write(whole));
  }

  /** For what can happen once to one job or node: telling it again is no news. */
  async once(event: NewEvent): Promise<void> {
    const whole = complete(event);
    try {
      await this.#last.get(placeOf(whole));
      await this.#write(whole, { after: 0 });
    } catch (thrown) {
      if (!(thrown instanceof WriteConflict)) throw thrown;
    }
  }

  /** Tells what nobody waits for: tried until the stream has it, as long as this master lives. */
  tell(event: NewEvent): void {
    this.#hold(complete(event));
  }

  #hold(event: BomaEvent): void {
    if (this.#held >= HELD_MAX) {
      this.#lost += 1;
      return this.#log.error({ event }, "an event was lost: too many wait for the bus");
    }
    this.#held += 1;
    void this.#inTurn(event, () => this.#writing.run(() => this.#untilWritten(event))).finally(() => {
      this.#held -= 1;
      this.#tellLost();
    });
  }

  async #untilWritten(event: BomaEvent): Promise<void> {
    let said: string | undefined;
    for (;;)
      try {
        return void (await this.#write(event));
      } catch (error) {
        const { kind } = event;
        if (isPoison(error))
          return this.#log.error({ kind, error: String(error) }, "an event can never be stored");
        // The log may lie on the disk that is full.
        if (said !== String(error))
          this.#log.error({ kind, error: String(error) }, "an event could not be stored yet");
        said = String(error);
        await new Promise((resolve) => setTimeout(resolve, AGAIN_MS).unref());
      }
  }

  /** A gap is told as soon as there is somebody to tell it to. */
  #tellLost(): void {
    if (this.#lost === 0 || this.#held >= HELD_MAX) return;
    const message = `${this.#lost} events were lost: more happened than can be held while the bus is away`;
    this.#lost = 0;
    this.tell({ kind: "master.alarm", data: { what: "events", message } });
  }

  #inTurn<T>(event: BomaEvent, write: () => Promise<T>): Promise<T> {
    const place = placeOf(event);
    const before = this.#last.get(place);
    const mine = before ? before.then(write) : write();
    const over: Promise<void> = mine.then(
      () => undefined,
      () => undefined,
    );
    this.#last.set(place, over);
    void over.then(() => this.#last.get(place) === over && this.#last.delete(place));
    return mine;
  }

  #write(event: BomaEvent, options: { after?: number } = {}): Promise<number> {
    const { kind, job, node, uid } = event;
    const subject = subjects.event(kind, { job, node });
    const written = this.#store.put(subject, pack(event), { ...options, id: uid });
    // The publish has left in order; only the announcement waits for its turn.
    this.#announcing = this.#announcing
      .then(() => written)
      .then((sequence) => this.#announce({ ...event, sequence }))
      .catch(() => undefined);
    return written;
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
    node?: string;
    sequence?: number;
    since?: Date;
  }): AsyncGenerator<SequencedEvent> {
    const { pattern = "*", job, node, sequence, since } = options;
    const filter = `boma.evt.${job ?? "*"}.${node ?? "*"}.${isEventKind(pattern) ? pattern : ">"}`;
    const fits = kindPattern(pattern);
    const from = { ...(sequence !== undefined && { sequence }), ...(since && { since }) };
    for await (const stored of this.#store.replay(STREAM.events, filter, from)) {
      const event = readEvent(stored);
      if (fits(event.kind)) yield event;
    }
  }

  /** When the oldest event that is still kept was told: of what is older the stream cannot say whether it was. */
  async oldestAt(): Promise<number> {
    const { state } = await this.#store.api.streams.info(STREAM.events);
    return state.messages === 0 ? Date.now() : Date.parse(state.first_ts);
  }

  /** Waits until everything told so far is stored, but not for a bus that takes nothing: what it held back is lost then. */
  async settled(): Promise<void> {
    const all = Promise.all(this.#last.values()).then(() => this.#announcing);
    if (await isDoneWithin(all, SETTLE_MS_MAX)) return;
    this.#log.error({ events: this.#held }, "the bus did not take what was still to be told: it is lost");
  }
}

const placeOf = ({ job, node }: BomaEvent): string => `${job ?? ""} ${node ?? ""}`;

/** The bus will never take it, however often it is offered. */
const isPoison = (thrown: unknown): boolean => thrown instanceof BomaError && thrown.code === "wire/size";

const complete = (event: NewEvent): BomaEvent =>
  ({ ...event, uid: event.uid ?? newSession(), at: Date.now(), data: event.data ?? {} }) as BomaEvent;

export const readEvent = ({ data, sequence }: Pick<Stored, "data" | "sequence">): SequencedEvent => ({
  ...(unpack(data) as BomaEvent),
  sequence,
});
