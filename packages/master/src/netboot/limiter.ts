/** How often one address may ask. On a boot LAN an address is free to take, so the number of addresses is bounded as well. */
const ADDRESSES_MAX = 4096;

export class Limiter {
  readonly #perMinute: number;
  readonly #asked = new Map<string, number>();
  #minute = 0;

  constructor(perMinute: number) {
    this.#perMinute = perMinute;
  }

  /** Whether this one may still ask in this minute. */
  allows(address: string, now = performance.now()): boolean {
    const minute = Math.floor(now / 60_000);
    if (minute !== this.#minute) this.#asked.clear();
    this.#minute = minute;
    const count = (this.#asked.get(address) ?? 0) + 1;
    if (count === 1 && this.#asked.size >= ADDRESSES_MAX) return false;
    this.#asked.set(address, count);
    return count <= this.#perMinute;
  }
}
