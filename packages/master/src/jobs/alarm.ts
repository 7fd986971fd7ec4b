/** One clock for what falls due for thousands of courses: it rings for the earliest, and whoever hears it looks at all. */
const TICK_MS_MIN = 50;
/** Timers beyond 24 days fire at once. */
const TIMER_MS_MAX = 24 * 3_600_000;

export class Alarm {
  readonly #now: () => number;
  readonly #ring: (lateMs: number) => void;
  #timer: NodeJS.Timeout | undefined;
  #at = Number.POSITIVE_INFINITY;

  /** It is said how late it rings: a process that was busy for so long has heard nobody meanwhile. */
  constructor(now: () => number, ring: (lateMs: number) => void) {
    this.#now = now;
    this.#ring = ring;
  }

  get isSet(): boolean {
    return this.#timer !== undefined;
  }

  /** Rings at this time, or before it where it was set for something earlier. */
  atLatest(at: number): void {
    if (at >= this.#at) return;
    clearTimeout(this.#timer);
    this.#at = at;
    const now = this.#now();
    const wait = Math.min(Math.max(at - now, TICK_MS_MIN), TIMER_MS_MAX);
    this.#timer = setTimeout(() => {
      this.off();
      this.#ring(this.#now() - now - wait);
    }, wait).unref();
  }

  off(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#at = Number.POSITIVE_INFINITY;
  }
}
