/**
 * Reads the stream of events from a place on, and waits for more. A reader that
 * does not ask gets nothing, holds up nobody, and loses nothing but what grew
 * older than events are kept; that it is told.
 */
import { BomaError, type EventKind, EVENT_KINDS, kindPattern, type SequencedEvent } from "@boma/protocol";
import type { Consumer } from "@nats-io/jetstream";

import { type Store, STREAM } from "../store/store.ts";
import { readEvent } from "./events.ts";
import type { Seen } from "./place.ts";

/** The server forgets a reader that was not heard of for so long; it is made again where it stood. */
const IDLE_NS = 60_000_000_000;
/** The client takes no shorter wait. */
const WAIT_MS_MIN = 1_000;
/**
 * A portion ends when it weighs so much, which is looked at after each of these: the heaviest events are four hundred
 * times the ordinary ones, and many readers may come to a row of them in the same moment.
 */
const BYTES_MAX = 4 * 1024 * 1024;
const AT_ONCE = 100;
/** What is there comes at once; this is for a bus that stands still. */
const REST_MS = 5_000;

export interface Portion {
  readonly events: readonly SequencedEvent[];
  /** Everything up to here was looked at, also what did not fit. */
  readonly position: number;
  /** Events, of whatever kind, that were dropped or damaged before this reader came to them. */
  readonly lost: number;
  /** Where the stream ended when this was read. */
  readonly last: number;
}

interface From {
  readonly after: number;
  readonly patterns: readonly string[];
  readonly seen?: Seen | undefined;
}

export class EventReader {
  readonly #store: Store;
  readonly #fits: (kind: string) => boolean;
  readonly #filter: string;
  readonly #seen: Seen | undefined;
  #position: number;
  #consumer: Consumer | undefined;
  #delivered = 0;
  #pending = 0;

  constructor(store: Store, from: From) {
    const fits = from.patterns.map(kindPattern);
    this.#store = store;
    this.#position = from.after;
    this.#seen = from.seen;
    this.#fits = (kind) => fits.some((one) => one(kind));
    this.#filter = filterOf(from.patterns);
  }

  get position(): number {
    return this.#position;
  }

  /** What has come since, up to a bound; waits for the first of it, but not for ever. With 0 it takes what is there. */
  async next(max: number, waitMs: number): Promise<Portion> {
    if (!this.#consumer) await this.#open();
    const before = this.#position;
    const taken: Taken = { events: [], damaged: 0, bytes: 0 };
    try {
      // Whoever asks for no more than there is leaves no open question behind, whose answer nobody would hear.
      if (this.#pending === 0 && waitMs > 0) await this.#take(1, waitMs, taken);
      await this.#takeRest(Math.min(max - taken.events.length, this.#pending), taken);
      return await this.#portion(before, taken);
    } catch (thrown) {
      // It begins again where it stood: nothing of this was given to anybody.
      this.#forget();
      this.#position = before;
      throw thrown;
    }
  }

  async #takeRest(count: number, into: Taken): Promise<void> {
    for (let left = count; left > 0 && into.bytes < BYTES_MAX; left -= AT_ONCE) {
      const before = this.#delivered;
      await this.#take(Math.min(left, AT_ONCE), REST_MS, into);
      // What is not there any more is not waited for again.
      if (this.#delivered === before) return;
    }
  }

  async #take(count: number, waitMs: number, into: Taken): Promise<void> {
    const batch = await this.#consumer!.fetch({
      max_messages: count,
      expires: Math.max(waitMs, WAIT_MS_MIN),
    });
    for await (const message of batch) {
      // One that was delivered and lost on the way is behind the server's pointer: begin again where we stand.
      if (message.info.deliverySequence !== ++this.#delivered)
        throw new BomaError("bus/unreachable", "an event was lost on its way");
      this.#position = message.seq;
      this.#pending = message.info.pending;
      into.first ??= message.seq;
      into.bytes += message.data.length;
      const event = readOrNothing({ data: message.data, sequence: message.seq });
      if (!event) into.damaged += 1;
      else if (this.#fits(event.kind)) into.events.push(event);
    }
  }

  /** What the stream dropped before we came to it, and how far we have looked where nothing fitted. */
  async #portion(before: number, { events, first, damaged }: Taken): Promise<Portion> {
    const { state } = await this.#store.api.streams.info(STREAM.events);
    const reached = Math.min(state.first_seq, first ?? Number.POSITIVE_INFINITY) - 1;
    const dropped = Math.max(0, reached - before);
    if (first === undefined) {
      this.#position = Math.max(this.#position, reached);
      const { num_pending, delivered } = await this.#consumer!.info();
      this.#pending = num_pending;
      // Nothing up to the end of the stream, as it was a moment ago, is still to come.
      if (num_pending === 0 && delivered.consumer_seq === this.#delivered)
        this.#position = Math.max(this.#position, state.last_seq);
    }
    return { events, position: this.#position, lost: dropped + damaged, last: state.last_seq };
  }

  async #open(): Promise<void> {
    const { api, js } = this.#store;
    const { state } = await api.streams.info(STREAM.events);
    if (this.#position > state.last_seq)
      throw new BomaError(
        "events/position",
        `there is no event ${this.#position}: the last one is ${state.last_seq}`,
      );
    await this.#assertSeen();
    const { name, num_pending } = await api.consumers.add(STREAM.events, {
      ack_policy: "none",
      deliver_policy: "by_start_sequence",
      opt_start_seq: this.#position + 1,
      filter_subject: this.#filter,
      inactive_threshold: IDLE_NS,
      mem_storage: true,
      num_replicas: 1,
    });
    this.#consumer = await js.consumers.get(STREAM.events, name);
    this.#delivered = 0;
    this.#pending = num_pending;
  }

  /** A stream that was put back from a backup gives the numbers that came after it once more. */
  async #assertSeen(): Promise<void> {
    if (!this.#seen) return;
    const { sequence, uid } = this.#seen;
    const stored = await this.#store.api.streams.getMessage(STREAM.events, { seq: sequence });
    const event = stored && readOrNothing({ data: stored.data, sequence });
    // One that aged away, or was damaged, says nothing.
    if (!event || event.uid === uid) return;
    throw new BomaError(
      "events/position",
      `event ${sequence} is another one than the reader has: the stream was put back from a backup since`,
    );
  }

  #forget(): void {
    this.#consumer?.delete().catch(() => undefined);
    this.#consumer = undefined;
  }

  close(): void {
    this.#forget();
  }
}

interface Taken {
  readonly events: SequencedEvent[];
  /** The sequence of the first that came, fitting or not. */
  first?: number;
  damaged: number;
  bytes: number;
}

/** One that cannot be read must not stand in the way of all that follow. */
function readOrNothing(stored: { data: Uint8Array; sequence: number }): SequencedEvent | undefined {
  try {
    const event = readEvent(stored);
    return typeof event.kind === "string" ? event : undefined;
  } catch {
    return undefined;
  }
}

/** What the server can sort out by itself; the patterns decide in the end. */
function filterOf(patterns: readonly string[]): string {
  const [pattern] = patterns;
  if (pattern === undefined || patterns.length > 1) return "boma.evt.>";
  if (EVENT_KINDS.includes(pattern as EventKind)) return `boma.evt.*.*.${pattern}`;
  const family = /^([a-z]+)\.\*$/.exec(pattern)?.[1];
  return family === undefined ? "boma.evt.>" : `boma.evt.*.*.${family}.>`;
}
