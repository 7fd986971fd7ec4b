import { setTimeout as sleep } from "node:timers/promises";

/** Sleeps, or returns early when the signal ends it; never throws. An agent that only waits is still running. */
export async function pause(ms: number, signal: AbortSignal): Promise<void> {
  if (ms > 0) await sleep(ms, undefined, { signal }).catch(() => undefined);
}

export interface BackoffOptions {
  readonly firstMs: number;
  readonly lastMs: number;
  readonly random?: () => number;
}

/** Waits that double up to a bound, each shifted by chance so that a fleet does not knock in step. */
export function backoff({ firstMs, lastMs, random = Math.random }: BackoffOptions): {
  next(): number;
  reset(): void;
} {
  let ms = firstMs;
  return {
    next() {
      const wait = jitter(ms, random);
      ms = Math.min(ms * 2, lastMs);
      return wait;
    },
    reset() {
      ms = firstMs;
    },
  };
}

/** Between half of it and one and a half of it. */
export const jitter = (ms: number, random: () => number = Math.random): number => ms * (0.5 + random());
