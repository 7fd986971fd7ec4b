/**
 * How much is looked at of what comes to a door of the bus. A request costs its sender nothing and the master two
 * signatures, so one that asks without end would be all that the master does: what is beyond its share is not even
 * opened. Whoever asks in earnest asks again by himself.
 */
import { addressInSubject, BomaError } from "@boma/protocol";

const WINDOW_MS = 10_000;
/** A node asks a few times after each connect; this is far from it, and far from what a master feels. */
const EACH_MAX = 400;

/** One for all: that it happens may be all that there is time to say. */
const TOO_OFTEN = new BomaError("wire/too-often", "it asks more often than it may; this was not looked at");

export class DoorShare {
  readonly #allMax: number;
  readonly #asked = new Map<string, number>();
  #window = 0;
  #all = 0;

  /** `allMax` bounds all senders together, where they may be as many as they like. */
  constructor(allMax = Number.POSITIVE_INFINITY) {
    this.#allMax = allMax;
  }

  /** Throws where the sender that this subject names has asked enough for now. */
  assert(subject: string, now = performance.now()): void {
    const window = Math.floor(now / WINDOW_MS);
    if (window !== this.#window) {
      this.#asked.clear();
      this.#all = 0;
    }
    this.#window = window;
    const { address } = addressInSubject(subject);
    const count = (this.#asked.get(address) ?? 0) + 1;
    if (count > EACH_MAX || this.#all >= this.#allMax) throw TOO_OFTEN;
    this.#asked.set(address, count);
    this.#all += 1;
  }
}
