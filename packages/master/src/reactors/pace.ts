/** Keeps a reactor to its limit: what comes too soon waits for its turn. */
import type { Limit } from "@boma/states";

export class Pace {
  readonly #limit: Limit;
  /** When the last ones began, oldest first, by a clock that nobody sets; no more of them than the limit counts. */
  #begun: number[] = [];
  /** When somebody last had waited. What comes within the limit's time of it is the same time of waiting. */
  #waited = -Infinity;
  /** Turns are given in the order in which they were asked for. */
  #queue: Promise<void> = Promise.resolve();

  constructor(limit: Limit) {
    this.#limit = limit;
  }

  /** Resolves when one more may begin; `late` hears once when a time of waiting begins. */
  turn(signal: AbortSignal, late: (until: number) => void): Promise<void> {
    const mine = this.#queue.then(() => this.#wait(signal, late));
    this.#queue = mine.catch(() => undefined);
    return mine;
  }

  /** The turn was not used. */
  giveBack(): void {
    this.#begun.pop();
  }

  async #wait(signal: AbortSignal, late: (until: number) => void): Promise<void> {
    const { count, perMs } = this.#limit;
    const until = (this.#begun.at(-count) ?? -Infinity) + perMs;
    const now = performance.now();
    if (until > now) {
      if (now - this.#waited >= perMs) late(Math.round(Date.now() + until - now));
      await rest(until - now, signal);
      this.#waited = performance.now();
    }
    this.#begun = [...this.#begun, performance.now()].slice(-count);
  }
}

/** Waits, but not for somebody who has gone. */
export async function rest(ms: number, signal: AbortSignal): Promise<void> {
  signal.throwIfAborted();
  await new Promise<void>((resolve, reject) => {
    const gone = () => {
      clearTimeout(timer);
      reject(signal.reason as Error);
    };
    const timer = setTimeout(() => {
      signal.removeEventListener("abort", gone);
      resolve();
    }, ms);
    signal.addEventListener("abort", gone, { once: true });
  });
}
