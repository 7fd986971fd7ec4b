/**
 * So many at a time, in the order in which they came. What is said to all of a
 * large fleet at once would wait for itself until the bus seemed not to answer,
 * and what is made for each node would be in memory for all of them.
 */
export class AtOnce {
  readonly #most: number;
  readonly #waiting: (() => void)[] = [];
  #underWay = 0;

  constructor(most: number) {
    this.#most = most;
  }

  async run<T>(work: () => Promise<T>): Promise<T> {
    if (this.#underWay >= this.#most) await new Promise<void>((turn) => this.#waiting.push(turn));
    else this.#underWay += 1;
    try {
      return await work();
    } finally {
      // The place is handed on, so that nobody who comes now can take it.
      const next = this.#waiting.shift();
      if (next) next();
      else this.#underWay -= 1;
    }
  }
}
