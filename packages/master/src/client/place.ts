/**
 * How far a reader is done, whatever the order in which it says so: up to the
 * first event that is still open. Many small words to the master become few:
 * while one is under way, those that follow are gathered.
 */
export class Place {
  readonly #tell: (position: number) => Promise<void>;
  /** Not done yet, or done and not told, in order. */
  readonly #open = new Map<number, boolean>();
  #reached = 0;
  #toldUpTo = 0;
  /** Where a whole portion ends: what lies behind its last event and did not fit is done with it. */
  readonly #ends = new Map<number, number>();
  #telling: Promise<void> | undefined;

  constructor(tell: (position: number) => Promise<void>) {
    this.#tell = tell;
  }

  /** These will be said to be done; a portion of none is done at once. */
  expect(sequences: readonly number[], end: number): (sequence: number) => Promise<void> {
    for (const sequence of sequences) this.#open.set(sequence, false);
    const last = sequences.at(-1);
    if (last !== undefined) this.#ends.set(last, end);
    else if (this.#open.size === 0) this.#reached = Math.max(this.#reached, end);
    return (sequence) => this.#done(sequence);
  }

  async #done(sequence: number): Promise<void> {
    if (this.#open.has(sequence)) this.#open.set(sequence, true);
    for (const [first, done] of this.#open) {
      if (!done) break;
      this.#open.delete(first);
      this.#reached = Math.max(this.#reached, this.#ends.get(first) ?? first);
      this.#ends.delete(first);
    }
    await this.settled();
  }

  /** Resolves when the master knows how far it was when this was asked; fails where it does not want to know. */
  async settled(): Promise<void> {
    const position = this.#reached;
    while (this.#toldUpTo < position) {
      this.#telling ??= this.#tellNow();
      await this.#telling;
    }
  }

  async #tellNow(): Promise<void> {
    const position = this.#reached;
    try {
      await this.#tell(position);
      this.#toldUpTo = position;
    } finally {
      this.#telling = undefined;
    }
  }
}
