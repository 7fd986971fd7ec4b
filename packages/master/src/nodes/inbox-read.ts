/**
 * Up to when the master has read what nodes put into the inbox. Whoever has said something since then is not silent, but
 * unheard: thousands who answer at once are read for seconds, and a bus that takes nothing keeps all of them waiting.
 */
import { COME_BACK_MS, SAID_AGAIN_MS } from "@boma/protocol";

/** One who floods the inbox does not keep what falls due from falling due. */
const BEHIND_MS_MAX = 30_000;
/** What the bus said that it has more of, and what does not come for so long, was taken out of it. */
const MORE_MS_MAX = 5_000;

/** Why nodes can put nothing in, and how long it takes after that until what they held has come. */
const LATE_MS = {
  /** The bus is not there. */
  away: COME_BACK_MS,
  /** It takes nothing, as on a full disk. */
  full: SAID_AGAIN_MS,
} as const;
type Shut = keyof typeof LATE_MS;

export class InboxRead {
  readonly #now: () => number;
  /** When they came, the oldest first. */
  readonly #unread = new Map<string, number>();
  /** When the last one came, if more of them lay behind it. */
  #more: number | undefined;
  readonly #shut = new Set<Shut>();
  /** Since when nodes may have something to say that they could not put in. */
  #heldAt: number | undefined;
  /** What they held has come by then. */
  #lateUntil = 0;

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

  shut(why: Shut): void {
    this.#heldAt = this.#heldSince ?? this.#now();
    this.#shut.add(why);
  }

  opened(why: Shut): void {
    if (this.#shut.delete(why)) this.#lateUntil = Math.max(this.#lateUntil, this.#now() + LATE_MS[why]);
  }

  get until(): number {
    const now = this.#now();
    const oldest = this.#unread.values().next().value ?? now;
    const more = this.#more !== undefined && now - this.#more < MORE_MS_MAX ? this.#more : now;
    const read = Math.max(Math.min(oldest, more), now - BEHIND_MS_MAX);
    return Math.min(read, this.#heldSince ?? read);
  }

  get #heldSince(): number | undefined {
    return this.#shut.size > 0 || this.#now() < this.#lateUntil ? this.#heldAt : undefined;
  }
}
