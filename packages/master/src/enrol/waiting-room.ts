/**
 * Machines that wait for a decision. They are strangers, so they live in memory
 * only and in a bounded number: each asks again within half a minute anyway.
 */
import { fingerprint, type HardwareClaims } from "@boma/protocol";

import type { Asked } from "./asked.ts";

const WAITING_MAX = 4096;
/** Who has not asked again for so long has gone. One that was refused asks again after a minute and a half at most. */
const GONE_MS = 180_000;

export interface Waiting {
  /** What it asked last: a machine may start again with another id. */
  ask: Asked;
  readonly fingerprint: string;
  readonly since: number;
  lastAt: number;
  status: "pending" | "changed-key" | "token-refused" | "denied";
  reason: string | undefined;
}

export class WaitingRoom {
  readonly #waiting = new Map<string, Waiting>();
  readonly #decided = new Map<string, Set<() => void>>();

  /** Notes that a machine asks. `isNew` says whether it was not here before. */
  note(ask: Asked, status: Waiting["status"], reason?: string): { waiting: Waiting; isNew: boolean } {
    const print = fingerprint(ask);
    const known = this.#waiting.get(print);
    const now = Date.now();
    if (known) {
      const isDenied = known.status === "denied";
      const isNew = !isDenied && known.status !== status;
      Object.assign(known, { ask, lastAt: now, ...(!isDenied && { status, reason }) });
      return { waiting: known, isNew };
    }
    this.#makeRoom(now);
    const waiting: Waiting = { ask, fingerprint: print, since: now, lastAt: now, status, reason };
    this.#waiting.set(print, waiting);
    return { waiting, isNew: true };
  }

  #makeRoom(now: number): void {
    for (const [print, { lastAt }] of this.#waiting) if (now - lastAt > GONE_MS) this.#waiting.delete(print);
    if (this.#waiting.size < WAITING_MAX) return;
    const oldest = [...this.#waiting].reduce((a, b) => (a[1].lastAt < b[1].lastAt ? a : b));
    this.#waiting.delete(oldest[0]);
  }

  list(): Waiting[] {
    const now = Date.now();
    return [...this.#waiting.values()]
      .filter(({ lastAt }) => now - lastAt <= GONE_MS)
      .sort((a, b) => a.since - b.since);
  }

  /** What the machine with this key said last of its hardware. */
  claimsOf(key: string): HardwareClaims | undefined {
    return [...this.#waiting.values()].find(({ ask }) => ask.nkey === key)?.ask.claims;
  }

  /** A denied machine that still asks is still denied. */
  isDenied(ask: Asked): boolean {
    if (this.#waiting.get(fingerprint(ask))?.status !== "denied") return false;
    this.note(ask, "denied");
    return true;
  }

  /** Resolves when somebody decides on this machine, or after a time. */
  async decision(print: string, waitMs: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const waiters = this.#decided.get(print) ?? new Set();
    this.#decided.set(print, waiters.add(resolve));
    const timer = setTimeout(resolve, waitMs);
    await promise;
    clearTimeout(timer);
    waiters.delete(resolve);
    if (waiters.size === 0) this.#decided.delete(print);
  }

  /** A decision was made: the machine's open request is answered now. */
  decided(print: string): void {
    for (const resolve of this.#decided.get(print) ?? []) resolve();
  }

  leave(print: string): void {
    this.#waiting.delete(print);
    this.decided(print);
  }
}
