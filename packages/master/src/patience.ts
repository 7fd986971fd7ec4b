/** How patience is had with a bus. */

/** Thousands that come back to a bus at once keep it busy: a master that starts waits so long for its answers. */
export const STARTING_MS = 30_000;
const AGAIN_MS = 500;

/** Asks again what passes by itself, for as long as a master that starts has patience. */
export async function untilStarted<T>(
  work: () => Promise<T>,
  passes: (thrown: unknown) => boolean,
): Promise<T> {
  const end = performance.now() + STARTING_MS;
  for (;;)
    try {
      return await work();
    } catch (thrown) {
      if (!passes(thrown) || performance.now() >= end) throw thrown;
      await new Promise((resolve) => setTimeout(resolve, AGAIN_MS));
    }
}

/** Whoever stops waits for what is under way, but not for ever: a bus that takes nothing holds up no end. */
export async function isDoneWithin(work: Promise<unknown>, ms: number): Promise<boolean> {
  const late = Promise.withResolvers<false>();
  const timer = setTimeout(() => late.resolve(false), ms);
  try {
    return await Promise.race([work.then(() => true), late.promise]);
  } finally {
    clearTimeout(timer);
  }
}
