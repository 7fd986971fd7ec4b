/**
 * Readers that are kept from one question of a follower to its next. The follower
 * says each time where it stands, so one that is lost here, with this master or
 * by its bound, is made again there, and nobody notices.
 */
import { pack, type SequencedEvent } from "@boma/protocol";

import type { Store } from "../store/store.ts";
import { EventReader, type Portion } from "./event-reader.ts";
import type { Seen } from "./place.ts";

const IDLE_MS = 60_000;
const KEPT_MAX = 256;
/** What one answer may weigh; a message of the bus is twice as large. */
const BYTES_MAX = 512 * 1024;
/** Events that are held in memory for one reader; the largest weigh as much as a message of the bus. */
const TAKEN_MAX = 500;

interface Reading {
  readonly reader: EventReader;
  readonly patterns: string;
  /** Read, and did not fit into the last answer. */
  rest: readonly SequencedEvent[];
  given: number;
  usedAt: number;
}

export interface Wanted {
  readonly after: number;
  readonly seen?: Seen | undefined;
  readonly patterns: readonly string[];
  readonly fits: (event: SequencedEvent) => boolean;
  readonly limit: number;
  readonly waitMs: number;
}

export class Readings {
  readonly #store: Store;
  readonly #kept = new Map<string, Reading>();
  readonly #sweep: NodeJS.Timeout;

  constructor(store: Store) {
    this.#store = store;
    this.#sweep = setInterval(() => this.#dropIdle(), IDLE_MS / 4).unref();
  }

  /** Whoever asks twice at once gets two readers, and the later one is kept. */
  async next(name: string, wanted: Wanted): Promise<Portion> {
    const reading = this.#take(name, wanted);
    try {
      const portion = await read(reading, wanted);
      this.#keep(name, reading);
      return portion;
    } catch (error) {
      reading.reader.close();
      throw error;
    }
  }

  #take(name: string, { after, seen, patterns }: Wanted): Reading {
    const kept = this.#kept.get(name);
    this.#kept.delete(name);
    if (kept?.given === after && kept.patterns === patterns.join()) return kept;
    kept?.reader.close();
    const reader = new EventReader(this.#store, { after, seen, patterns });
    return { reader, patterns: patterns.join(), rest: [], given: after, usedAt: Date.now() };
  }

  #keep(name: string, reading: Reading): void {
    reading.usedAt = Date.now();
    this.#drop(name);
    this.#kept.set(name, reading);
    const [oldest] = this.#kept.keys();
    if (this.#kept.size > KEPT_MAX) this.#drop(oldest!);
  }

  #drop(name: string): void {
    this.#kept.get(name)?.reader.close();
    this.#kept.delete(name);
  }

  #dropIdle(): void {
    const oldest = Date.now() - IDLE_MS;
    for (const [name, { usedAt }] of this.#kept) if (usedAt < oldest) this.#drop(name);
  }

  close(): void {
    clearInterval(this.#sweep);
    for (const name of this.#kept.keys()) this.#drop(name);
  }
}

async function read(reading: Reading, { fits, limit, waitMs }: Wanted): Promise<Portion> {
  const held = reading.rest.length > 0;
  const portion = held
    ? { events: reading.rest, position: reading.reader.position, lost: 0, last: reading.reader.position }
    : await reading.reader.next(Math.min(limit, TAKEN_MAX), waitMs);
  const fitting = portion.events.filter(fits);
  const events = fitting.slice(0, Math.min(limit, countWithin(fitting)));
  reading.rest = fitting.slice(events.length);
  const position = reading.rest.length > 0 ? events.at(-1)!.sequence : portion.position;
  reading.given = position;
  return { ...portion, events, position };
}

/** How many of the first ones fit into one answer; one always goes. */
function countWithin(events: readonly SequencedEvent[]): number {
  let bytes = 0;
  const over = events.findIndex((event) => (bytes += pack(event).length) > BYTES_MAX);
  return over < 0 ? events.length : Math.max(1, over);
}
