/**
 * Whether the bus takes what is written, and why not. A disk that is full is
 * seen beside the store, which then writes nothing more; that a stream does not
 * take what it was given is seen by the store itself, and tried again.
 */
import { BomaError } from "@boma/protocol";

type Listener = (trouble: string | undefined) => void;

export class Taking {
  #withheld: string | undefined;
  /** By stream: one may take what it is given while another does not. */
  readonly #failed = new Map<string, string>();
  readonly #listeners = new Set<Listener>();

  /** Why nothing is kept now, as far as that is known. */
  get trouble(): string | undefined {
    return this.#withheld ?? this.#failed.values().next().value;
  }

  /** Nothing is offered to the bus until this is called again without a reason. */
  withhold(why: string | undefined): void {
    this.#change(() => {
      this.#withheld = why;
      if (why === undefined) this.#failed.clear();
    });
  }

  failed(stream: string, why: string): void {
    this.#change(() => this.#failed.set(stream, why));
  }

  worked(stream: string): void {
    if (this.#failed.has(stream)) this.#change(() => this.#failed.delete(stream));
  }

  /** Nothing that could not be kept is begun. */
  assert(): void {
    if (this.#withheld !== undefined) throw new BomaError("bus/full", this.#withheld);
  }

  /** Hears why nothing is kept any more, and, without a reason, that it is again. */
  listen(listener: Listener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  #change(change: () => void): void {
    const before = this.trouble;
    change();
    // Another reason is no news.
    if ((this.trouble === undefined) !== (before === undefined))
      for (const listener of this.#listeners) listener(this.trouble);
  }
}
