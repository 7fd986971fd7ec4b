/**
 * Up to when the master has read what nodes put into the inbox. Whoever has said something since then is not silent, but
 * unheard: thousands who answer at once are read for seconds.
 */

/** One who floods the inbox does not keep what falls due from falling due. */
const BEHIND_MS_MAX = 30_000;
/** What the bus said that it has more of, and what does not come for so long, was taken out of it. */
const MORE_MS_MAX = 5_000;

export class InboxRead {
  readonly #now: () => number;
  /** When they came, the oldest first. */
  readonly #unread = new Map<string, number>();
  /** When the last one came, if more of them lay behind it. */
  #more: number | undefined;

  constructor(now: () => number = Date.now) {
    this.#now = now;
  }

  /** The bus has so many more. */
  behind(pending: number): void {
    this.#more = pending > 0 ? this.#now() : undefined;
  }

  came(place: string): void {
    this.#unread.set(place, this.#now());
  }

  read(place: string): void {
    this.#unread.delete(place);
  }

  get until(): number {
    const now = this.#now();
    const oldest = this.#unread.values().next().value ?? now;
    const more = this.#more !== undefined && now - this.#more < MORE_MS_MAX ? this.#more : now;
    return Math.max(Math.min(oldest, more), now - BEHIND_MS_MAX);
  }
}
