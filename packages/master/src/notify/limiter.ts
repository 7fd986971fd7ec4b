/** So many at once and so many in a time, then one after the other. Only a running master remembers it. */
export class Limiter {
  readonly #count: number;
  readonly #perMs: number;
  readonly #now: () => number;
  #held: number;
  #at: number;

  constructor({ count, perMs }: { readonly count: number; readonly perMs: number }, now = Date.now) {
    this.#count = count;
    this.#perMs = perMs;
    this.#now = now;
    this.#held = count;
    this.#at = now();
  }

  #refill(): void {
    const now = this.#now();
    const passed = Math.max(0, now - this.#at);
    this.#held = Math.min(this.#count, this.#held + (passed * this.#count) / this.#perMs);
    this.#at = now;
  }

  take(): boolean {
    this.#refill();
    if (this.#held < 1) return false;
    this.#held -= 1;
    return true;
  }

  waitMs(): number {
    this.#refill();
    return this.#held >= 1 ? 0 : Math.ceil(((1 - this.#held) * this.#perMs) / this.#count);
  }
}
