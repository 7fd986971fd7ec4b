/**
 * What is asked for one key at a time, and costs less for many: those that come while an answer is made are asked for
 * together, as the next question.
 */
export class Together<V> {
  readonly #ask: (keys: readonly string[]) => Promise<ReadonlyMap<string, V>>;
  #next: { readonly keys: Set<string>; readonly answer: Promise<ReadonlyMap<string, V>> } | undefined;
  #last: Promise<unknown> = Promise.resolve();

  constructor(ask: (keys: readonly string[]) => Promise<ReadonlyMap<string, V>>) {
    this.#ask = ask;
  }

  /** `undefined` where the answer has nothing for this key. */
  async of(key: string): Promise<V | undefined> {
    this.#next ??= this.#begin();
    const { keys, answer } = this.#next;
    keys.add(key);
    return (await answer).get(key);
  }

  #begin() {
    const keys = new Set<string>();
    const answer = this.#last.then(() => {
      this.#next = undefined;
      return this.#ask([...keys]);
    });
    this.#last = answer.catch(() => undefined);
    return { keys, answer };
  }
}
