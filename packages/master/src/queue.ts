/** Turns calls into a sequence that can be awaited. It ends with its signal, or when it is told to. */
export interface Queue<T> extends AsyncIterable<T> {
  push(item: T): void;
  end(): void;
}

export function queueOf<T>(signal?: AbortSignal): Queue<T> {
  const items: T[] = [];
  let ended = false;
  let wake: () => void = () => undefined;
  const end = () => {
    ended = true;
    wake();
  };
  signal?.addEventListener("abort", end, { once: true });
  return {
    push(item) {
      items.push(item);
      wake();
    },
    end,
    async *[Symbol.asyncIterator]() {
      for (;;) {
        yield* items.splice(0);
        if (items.length > 0) continue;
        if (ended || signal?.aborted) return;
        await new Promise<void>((resolve) => (wake = resolve));
      }
    },
  };
}
