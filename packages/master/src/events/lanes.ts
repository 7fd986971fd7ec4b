/**
 * Several events in the hands of one handler at once: those of one node one after
 * the other, and a place that moves on only when nothing before it is under way.
 */
import type { SequencedEvent } from "@boma/protocol";

interface Held {
  readonly sequence: number;
  readonly node: string | undefined;
  readonly done: Promise<void>;
  isDone: boolean;
}

/** Events that wait for a slow one before them to end. */
const HELD_MAX = 500;

export class Lanes {
  readonly #width: number;
  readonly #handle: (event: SequencedEvent) => Promise<void>;
  readonly #advance: (position: number) => Promise<void>;
  /** In the order of the stream. */
  readonly #held: Held[] = [];
  #advancing: Promise<void> = Promise.resolve();
  #fault: { readonly thrown: unknown } | undefined;

  constructor(
    width: number,
    handle: (event: SequencedEvent) => Promise<void>,
    advance: (position: number) => Promise<void>,
  ) {
    this.#width = width;
    this.#handle = handle;
    this.#advance = advance;
  }

  get isEmpty(): boolean {
    return this.#held.length === 0;
  }

  async takeAll(events: readonly SequencedEvent[], signal: AbortSignal): Promise<void> {
    for (const event of events) {
      if (signal.aborted) return;
      await this.take(event);
    }
  }

  /** Begins with an event, and waits until there is room for the next. Throws what went wrong with any of them. */
  async take(event: SequencedEvent): Promise<void> {
    const { sequence, node } = event;
    const before = node === undefined ? undefined : this.#held.findLast((held) => held.node === node)?.done;
    const held: Held = { sequence, node, isDone: false, done: this.#deal(event, before) };
    this.#held.push(held);
    void held.done.then(() => this.#sweep(held));
    for (let busy = this.#busy(); busy.length >= this.#width; busy = this.#busy())
      await Promise.race(busy.map(({ done }) => done));
    if (this.#held.length >= HELD_MAX) await this.#held[0]!.done;
    await this.#advancing;
    if (this.#fault) throw this.#fault.thrown;
  }

  /** Resolves when nothing is under way any more. */
  async settled(): Promise<void> {
    await Promise.all(this.#held.map(({ done }) => done));
    await this.#advancing;
  }

  #busy(): Held[] {
    return this.#held.filter(({ isDone }) => !isDone);
  }

  /** One that cannot be dealt with holds up the place: it and all after it come again. */
  async #deal(event: SequencedEvent, before: Promise<void> | undefined): Promise<void> {
    await before;
    if (this.#fault) return;
    try {
      await this.#handle(event);
    } catch (thrown) {
      this.#fault ??= { thrown };
    }
  }

  #sweep(held: Held): void {
    held.isDone = true;
    let position: number | undefined;
    while (!this.#fault && this.#held[0]?.isDone) position = this.#held.shift()!.sequence;
    if (position === undefined) return;
    const to = position;
    this.#advancing = this.#advancing
      .then(() => this.#advance(to))
      .catch((thrown: unknown) => void (this.#fault ??= { thrown }));
  }
}
