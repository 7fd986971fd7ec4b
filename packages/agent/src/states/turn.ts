/**
 * One run of states at a time on a node: within this process they queue in the
 * order in which they came, and the lock file keeps out `boma-agent apply` and
 * other agents of the same home. Whoever waits is told for whom.
 */
import { mkdir } from "node:fs/promises";

import { BomaError } from "@boma/protocol";

import { lockHome, type HomeLock } from "../lock.ts";
import { pause } from "../wait.ts";

const LOOK_AGAIN_MS = 250;

export interface Turn {
  end(): Promise<void>;
}

interface Place {
  readonly who: string;
  readonly gone: Promise<void>;
  /** What nobody waits for makes room for who comes behind it. */
  readonly giveWay: (() => void) | undefined;
}

export class Turns {
  readonly #dir: string;
  readonly #changed: () => void;
  readonly #queue: Place[] = [];

  /** `changed` is called when somebody came or left. */
  constructor(dir: string, changed: () => void = () => undefined) {
    this.#dir = dir;
    this.#changed = changed;
  }

  /** Who runs now, and who waits, in order. */
  get holders(): readonly string[] {
    return this.#queue.map(({ who }) => who);
  }

  async take(
    who: string,
    signal: AbortSignal,
    waits: (forWhom: string) => void,
    giveWay?: () => void,
  ): Promise<Turn> {
    const left = Promise.withResolvers<void>();
    const place: Place = { who, gone: left.promise, giveWay };
    const ahead = this.#queue.at(-1);
    // Whoever gives way is not waited for.
    const before = this.#queue.findLast((one) => !one.giveWay) ?? ahead;
    for (const one of this.#queue) one.giveWay?.();
    this.#queue.push(place);
    this.#changed();
    const leave = (): void => {
      this.#queue.splice(this.#queue.indexOf(place), 1);
      this.#changed();
      left.resolve();
    };
    try {
      if (before) waits(before.who);
      await this.#whenGone(ahead?.gone, place, signal);
      const lock = await this.#lock(signal, waits);
      return {
        // Whoever comes next finds out itself what is wrong with the lock.
        end: () => lock.release().finally(leave),
      };
    } catch (thrown) {
      leave();
      throw thrown;
    }
  }

  /** Whoever leaves the queue early lets those behind wait for the one before. */
  async #whenGone(
    ahead: Promise<void> | undefined,
    place: { readonly who: string },
    signal: AbortSignal,
  ): Promise<void> {
    if (!ahead) return;
    const aborted = Promise.withResolvers<never>();
    const abort = (): void => aborted.reject(signal.reason as Error);
    signal.addEventListener("abort", abort, { once: true });
    if (signal.aborted) abort();
    try {
      await Promise.race([ahead, aborted.promise]);
      while (this.#queue[0] !== place) await Promise.race([this.#queue[0]!.gone, aborted.promise]);
    } finally {
      signal.removeEventListener("abort", abort);
    }
  }

  async #lock(signal: AbortSignal, waits: (forWhom: string) => void): Promise<HomeLock> {
    await mkdir(this.#dir, { recursive: true, mode: 0o700 });
    let told = false;
    for (;;) {
      signal.throwIfAborted();
      try {
        return await lockHome(this.#dir);
      } catch (thrown) {
        if (!(thrown instanceof BomaError) || thrown.code !== "home/locked") throw thrown;
        if (!told) waits(`another run of states: ${thrown.message}`);
        told = true;
        await pause(LOOK_AGAIN_MS, signal);
      }
    }
  }
}
