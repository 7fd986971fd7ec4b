/**
 * What the node has to say, sent until the bus has it. Returns come from the
 * journal and events from their spool, and are never given up; progress may be
 * left out when the node is away for long, and of the grains only the newest matter.
 */
import { type InboxKind, SAID_AGAIN_MS, someBytes, subjects } from "@boma/protocol";

import { type Bus, publishKept } from "./bus.ts";
import type { Journal, KeptReturn } from "./journal.ts";
import { backoff, pause } from "./wait.ts";

const LOOSE_MAX = 256;
const ACK_MS = 5_000;
/** By chance half as much again, and with the wait for an answer still in time. */
const RETRY_MS_MAX = SAID_AGAIN_MS / 2;

export const newMessageId = (): string => Buffer.from(someBytes(16)).toString("base64url");

export interface OutboxOptions {
  readonly key: () => string;
  readonly journal: Journal;
  /** A return that was signed with keys which this node has changed since is signed anew. */
  readonly renew?: (kept: KeptReturn) => KeptReturn;
  readonly random?: () => number;
  readonly firstRetryMs?: number;
}

interface Letter {
  readonly kind: InboxKind;
  readonly id: string;
  readonly data: Uint8Array;
  /** The node's key when this was signed: after a change of keys it goes nowhere. */
  readonly key: string;
}

export class Outbox {
  readonly #options: OutboxOptions;
  readonly #stopping = new AbortController();
  readonly #returns = new Map<string, Promise<void>>();
  #bus: Bus | undefined;
  readonly #arrival = Promise.withResolvers<Bus>();
  #loose = 0;
  #grains: Letter | undefined;
  #grainsSending = false;

  constructor(options: OutboxOptions) {
    this.#options = options;
  }

  /** Each new connection brings a bus; what waits goes out on it. */
  attach(bus: Bus): void {
    this.#bus = bus;
    this.#arrival.resolve(bus);
  }

  get waiting(): number {
    return this.#returns.size;
  }

  /** A return on its way already is not sent a second time. */
  sendReturn(kept: KeptReturn): void {
    if (this.#returns.has(kept.job)) return;
    const { key, renew = (same) => same } = this.#options;
    const letter = (): Letter => ({ kind: "return", id: kept.id, data: renew(kept).frame, key: key() });
    const sent = this.#deliver(letter).then(async (arrived) => {
      this.#returns.delete(kept.job);
      // Without this record the return is sent once more after a restart, and the same id makes that harmless.
      if (arrived) await this.#options.journal.append({ kind: "acked", job: kept.job }, { sync: false });
    });
    this.#returns.set(
      kept.job,
      sent.catch(() => undefined),
    );
  }

  /** `false` when too much waits already; the caller counts what it could not say. */
  sendLoose(kind: "progress", data: Uint8Array): boolean {
    if (this.#loose >= LOOSE_MAX) return false;
    this.#loose++;
    const letter: Letter = { kind, id: newMessageId(), data, key: this.#options.key() };
    void this.#deliver(() => letter).finally(() => this.#loose--);
    return true;
  }

  /** Whoever keeps it says anew at each attempt what it is. `false`: this agent stops, and it is still kept. */
  sendKept(kind: "event", kept: () => { readonly id: string; readonly data: Uint8Array }): Promise<boolean> {
    return this.#deliver(() => ({ kind, ...kept(), key: this.#options.key() }));
  }

  sendGrains(data: Uint8Array): void {
    this.#grains = { kind: "grains", id: newMessageId(), data, key: this.#options.key() };
    if (this.#grainsSending) return;
    this.#grainsSending = true;
    void this.#sendNewestGrains();
  }

  async #sendNewestGrains(): Promise<void> {
    while (this.#grains && !this.#stopping.signal.aborted) {
      let sent = this.#grains;
      await this.#deliver(() => (sent = this.#grains ?? sent));
      if (this.#grains === sent) this.#grains = undefined;
    }
    this.#grainsSending = false;
  }

  /** Tries until it is acknowledged or the agent stops; never throws. */
  async #deliver(letter: () => Letter): Promise<boolean> {
    const { signal } = this.#stopping;
    const waits = backoff({
      firstMs: this.#options.firstRetryMs ?? 250,
      lastMs: RETRY_MS_MAX,
      ...(this.#options.random && { random: this.#options.random }),
    });
    while (!signal.aborted) {
      try {
        const bus = this.#bus ?? (await this.#firstBus());
        if (!bus) return false;
        await bus.connected(signal);
        if (signal.aborted) return false;
        const { kind, id, data, key } = letter();
        if (key !== this.#options.key()) return false;
        await publishKept(bus, subjects.inbox(key, kind), { id, data }, ACK_MS);
        return true;
      } catch {
        await pause(waits.next(), signal);
      }
    }
    return false;
  }

  async #firstBus(): Promise<Bus | undefined> {
    const { promise, resolve } = Promise.withResolvers<undefined>();
    const { signal } = this.#stopping;
    if (signal.aborted) return undefined;
    signal.addEventListener("abort", () => resolve(undefined), { once: true });
    return Promise.race([this.#arrival.promise, promise]);
  }

  /** Waits for the returns that are on their way, and whatever else, but not for long, and then stops trying. */
  async drain(ms: number, others?: Promise<void>): Promise<void> {
    const late = new AbortController();
    await Promise.race([Promise.all([...this.#returns.values(), others]), pause(ms, late.signal)]);
    late.abort();
    this.#stopping.abort();
  }
}
