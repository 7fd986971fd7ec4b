/** Who shares a name with somebody before him waits until that one is done; who shares none goes on beside him. */
export class Turns {
  /** By name: when the last who has it is done. */
  readonly #last = new Map<string, Promise<void>>();

  take<T>(names: readonly string[], work: () => Promise<T>): Promise<T> {
    // All names are taken in one step, so that no two wait for each other.
    const before = names.flatMap((name) => this.#last.get(name) ?? []);
    const mine = Promise.all(before).then(work);
    const done: Promise<void> = mine.then(
      () => undefined,
      () => undefined,
    );
    for (const name of names) this.#last.set(name, done);
    void done.then(() => {
      for (const name of names) if (this.#last.get(name) === done) this.#last.delete(name);
    });
    return mine;
  }
}
