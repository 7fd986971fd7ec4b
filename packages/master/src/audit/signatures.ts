/** Signatures that are verified aside, in Node's own threads, while the chain is read on: they are nine tenths of a check. */
import { type Frame, verifyFrame } from "@boma/protocol";

/** So many are in the threads' hands at once: enough that none of them waits for the reader, few enough to hold in memory. */
const AT_ONCE = 512;

export class Signatures {
  #waiting = 0;
  #wake: (() => void) | undefined;

  /** Calls back when it does not hold. */
  check(frame: Frame, broken: () => void): void {
    this.#waiting += 1;
    void verifyFrame(frame).then((holds) => {
      if (!holds) broken();
      this.#waiting -= 1;
      this.#wake?.();
    });
  }

  get isFull(): boolean {
    return this.#waiting >= AT_ONCE;
  }

  /** Resolves when half of them are done, so that the threads never run dry. */
  room(): Promise<void> {
    return this.#until(AT_ONCE / 2);
  }

  settled(): Promise<void> {
    return this.#until(0);
  }

  async #until(waiting: number): Promise<void> {
    while (this.#waiting > waiting) await new Promise<void>((wake) => (this.#wake = wake));
  }
}
