/** A store that is away for a while delays what must be written; nothing loses it. */
const AGAIN_MS = 1_000;

export async function untilDone<T>(work: () => Promise<T>, broken: (error: unknown) => void): Promise<T> {
  for (;;) {
    try {
      return await work();
    } catch (error) {
      broken(error);
      await new Promise((resolve) => setTimeout(resolve, AGAIN_MS));
    }
  }
}
