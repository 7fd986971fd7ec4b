/**
 * Whether the stream of events has what a node says late. The stream itself
 * knows a uid for minutes; a node that was cut off while it waited for an
 * acknowledgement says the same again after hours.
 */
import { EVENT_REPEAT_MS } from "../bus/streams.ts";
import type { Events } from "../events/events.ts";

/** A reading is good for so long; what is told after it the stream remembers by itself. */
const GOOD_MS = EVENT_REPEAT_MS / 2;
const DAY_MS = 24 * 3_600_000;
/** A node that dates its events as it likes costs a reading now and then, and no more memory than this. */
const NODES_MAX = 64;
const UIDS_MAX = 50_000;

interface Reading {
  readonly since: number;
  readonly until: number;
  readonly uids: Promise<ReadonlySet<string>>;
}

export class ToldBefore {
  readonly #events: Events;
  readonly #readings = new Map<string, Reading>();

  constructor(events: Events) {
    this.#events = events;
  }

  /** `since` is when it can have been told first. */
  async has(node: string, uid: string, since: number): Promise<boolean> {
    if (Date.now() - since < GOOD_MS) return false;
    return (await this.#reading(node, since).uids).has(uid);
  }

  #reading(node: string, since: number): Reading {
    const known = this.#readings.get(node);
    if (known && known.since <= since && Date.now() < known.until) return known;
    this.#readings.delete(node);
    const whole = Math.floor(since / DAY_MS) * DAY_MS;
    const reading = { since: whole, until: Date.now() + GOOD_MS, uids: this.#read(node, new Date(whole)) };
    this.#readings.set(node, reading);
    reading.uids.catch(() => this.#readings.delete(node));
    if (this.#readings.size > NODES_MAX) this.#readings.delete(this.#readings.keys().next().value!);
    return reading;
  }

  async #read(node: string, since: Date): Promise<ReadonlySet<string>> {
    const uids = new Set<string>();
    for await (const { uid } of this.#events.read({ node, since })) {
      uids.add(uid);
      if (uids.size > UIDS_MAX) uids.delete(uids.values().next().value!);
    }
    return uids;
  }
}
