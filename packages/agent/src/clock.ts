/** The machine's own clocks, injected so that tests and emulated agents may bring others. */
export interface Clock {
  /** Milliseconds since 1970, as wrong as the machine has them. */
  wall(): number;
  /** Milliseconds since some moment; never set back or forward. */
  steady(): number;
}

export const systemClock: Clock = { wall: () => Date.now(), steady: () => performance.now() };

/**
 * The master's time as this node knows it. It is learned from a signed answer
 * to a question of our own and counted on by the steady clock, so that setting
 * the machine's clock changes nothing.
 */
export class MasterTime {
  readonly #clock: Clock;
  #learned: { readonly time: number; readonly at: number } | undefined;

  constructor(clock: Clock = systemClock) {
    this.#clock = clock;
  }

  get known(): boolean {
    return this.#learned !== undefined;
  }

  /** Before anything was learned this is the machine's own belief. */
  now(): number {
    if (!this.#learned) return this.#clock.wall();
    return Math.round(this.#learned.time + this.#clock.steady() - this.#learned.at);
  }

  /** `asked` is the steady time of the question; the answer is taken to have been made half way. */
  learn(time: number, asked: number): void {
    const now = this.#clock.steady();
    this.#learned = { time: time + (now - asked) / 2, at: now };
  }

  steady(): number {
    return this.#clock.steady();
  }

  get offsetMs(): number {
    return this.now() - this.#clock.wall();
  }
}
