/**
 * One notifier at work: it takes its events in order, sends each once, and comes
 * back to what failed. What failed holds up nobody; a receiver that is down is
 * tried now and then, with one delivery, and gets everything when it is back.
 */
import {
  compileTarget,
  type Matcher,
  type Nodegroups,
  parseTarget,
  type SequencedEvent,
} from "@boma/protocol";
import type { Notification } from "@boma/states/core";

import type { PumpParts } from "../events/pump.ts";
import { pump } from "../events/pump.ts";
import type { Registry } from "../registry/registry.ts";
import type { Deliver } from "./deliver.ts";
import {
  type Deliveries,
  deliveryId,
  type DeliveryRecord,
  type NewDelivery,
  WAITING_MAX,
} from "./deliveries.ts";
import { addToDigest } from "./digest.ts";
import { holds } from "./event-value.ts";
import { Limiter } from "./limiter.ts";
import type { NotifierBook } from "./notifier-book.ts";
import { backoffMs, nextDue, type Pace } from "./retry.ts";
import { SendFault } from "./senders/index.ts";

export interface NotifierParts extends PumpParts {
  readonly registry: Registry;
  readonly nodegroups: () => Nodegroups;
  readonly deliveries: Deliveries;
  readonly book: NotifierBook;
  readonly deliver: Deliver;
}

/** So many different deliveries failed one after the other: it is the receiver. */
const DOWN_AFTER = 3;
const IDLE_MS = 60_000;
const AGAIN_MS = 1_000;

export class Notifier {
  readonly spec: Notification;
  readonly #parts: NotifierParts;
  readonly #ending = new AbortController();
  readonly #limiter: Limiter | undefined;
  /** What failed since something arrived. */
  readonly #failing: Set<string>;
  #probes = 0;
  #probeAt = 0;
  /** The receiver is back since: what was tried before is due. */
  #recoveredAt = 0;
  #turn: Promise<unknown> = Promise.resolve();
  #wake: () => void = () => undefined;

  constructor(spec: Notification, parts: NotifierParts) {
    this.spec = spec;
    this.#parts = parts;
    this.#limiter = spec.limit && new Limiter(spec.limit);
    this.#failing = new Set(this.#waiting().map(({ id }) => id));
  }

  async start(now: number): Promise<void> {
    const { name, on } = this.spec;
    const subscriber = await this.#parts.subscribers.join({
      name,
      kind: "notifier",
      owner: "site",
      patterns: on,
      position: now,
    });
    const { signal } = this.#ending;
    const each = (event: SequencedEvent) => this.#take(event);
    pump(this.#parts, { subscriber, handler: { each }, signal }).catch((error: unknown) =>
      this.#parts.log.error({ notifier: name, error: String(error) }, "a notifier takes no more events"),
    );
    void this.#repeat();
  }

  /** Resolves when nothing is under way any more; the pump may still hang on its last question. */
  async stop(): Promise<void> {
    this.#ending.abort();
    this.#wake();
    await this.#turn;
  }

  get isDown(): boolean {
    return this.#failing.size >= DOWN_AFTER;
  }

  /** There is something to do: somebody put back what had been given up. */
  wake(): void {
    this.#recoveredAt = Date.now();
    this.#wake();
  }

  #waiting(): DeliveryRecord[] {
    return this.#parts.deliveries.list("waiting", this.spec.name);
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const begin = (): Promise<T> => {
      this.#ending.signal.throwIfAborted();
      return work();
    };
    const mine = this.#turn.then(begin, begin);
    this.#turn = mine.catch(() => undefined);
    return mine;
  }

  async #take(event: SequencedEvent): Promise<void> {
    const { book, deliveries } = this.#parts;
    const { name } = this.spec;
    if (!this.#fits(event) || event.sequence <= book.get(name).takenTo) return;
    // The stream keeps what does not fit here.
    while (this.#waiting().length >= WAITING_MAX) await this.#rest();
    await this.#inTurn(async () => {
      const { sequence, uid, kind } = event;
      if (this.#limiter && (book.get(name).digest || !this.#limiter.take())) {
        await book.change(name, (known) => ({
          ...known,
          takenTo: sequence,
          digest: addToDigest(known.digest, event),
        }));
        return this.#wake();
      }
      const id = deliveryId(name, uid);
      // It was put aside before a crash.
      if (deliveries.find(id)) return;
      const fresh = { ...begun(name, id), sequence, uid, kind };
      if (!this.isDown) return this.#attempt(fresh);
      await deliveries.add(fresh);
      await book.change(name, (known) => ({ ...known, takenTo: sequence }));
    });
  }

  async #rest(): Promise<void> {
    this.#ending.signal.throwIfAborted();
    await new Promise((resolve) => setTimeout(resolve, AGAIN_MS));
  }

  #fits(event: SequencedEvent): boolean {
    const { name, on, where, target } = this.spec;
    if (event.kind.startsWith("notification.")) {
      // Told to those who ask for it by name, and not about themselves: else two broken ones would keep each other busy.
      const isWanted = on.some((pattern) => pattern.startsWith("notification."));
      if (!isWanted || (event.data as { notifier?: string }).notifier === name) return false;
    }
    return (target === undefined || this.#isTarget(event, target)) && holds(event, where);
  }

  #isTarget({ node }: SequencedEvent, target: string): boolean {
    const { registry, nodegroups } = this.#parts;
    const record = node === undefined ? undefined : registry.byKey(node);
    if (!record) return false;
    const matches: Matcher = compileTarget(parseTarget(target), { nodegroups: nodegroups() });
    // By what was assigned alone: a node cannot talk itself out of being watched.
    return matches({ id: record.id, assigned: record.assigned, grains: {} }) === "yes";
  }

  /** Comes back to what waits, for as long as there is a notifier. */
  async #repeat(): Promise<void> {
    const { signal } = this.#ending;
    while (!signal.aborted)
      try {
        await this.#until(this.#dueAt());
        if (!signal.aborted) await this.#inTurn(() => this.#next());
      } catch (error) {
        if (signal.aborted) return;
        this.#parts.log.warn({ notifier: this.spec.name, error: String(error) }, "deliveries wait");
        await this.#until(Date.now() + AGAIN_MS);
      }
  }

  #pace(): Pace {
    return {
      isDown: this.isDown,
      probeAt: this.#probeAt,
      recoveredAt: this.#recoveredAt,
      now: Date.now(),
    };
  }

  #dueAt(): number {
    const now = Date.now();
    const due = nextDue(this.#waiting(), this.#pace())?.at ?? now + IDLE_MS;
    const { digest } = this.#parts.book.get(this.spec.name);
    return digest ? Math.min(due, now + (this.#limiter?.waitMs() ?? 0)) : due;
  }

  async #until(at: number): Promise<void> {
    const wait = Math.min(at - Date.now(), IDLE_MS);
    if (wait <= 0 || this.#ending.signal.aborted) return;
    let timer: NodeJS.Timeout | undefined;
    await new Promise<void>((resolve) => {
      this.#wake = resolve;
      timer = setTimeout(resolve, wait);
    });
    clearTimeout(timer);
  }

  async #next(): Promise<void> {
    await this.#closeDigest();
    const due = nextDue(this.#waiting(), this.#pace());
    if (due && due.at <= Date.now()) await this.#attempt(due.delivery);
  }

  /** From now on it is one delivery, which does not change any more. */
  async #closeDigest(): Promise<void> {
    const { book, deliveries } = this.#parts;
    const { name } = this.spec;
    const { digest } = book.get(name);
    if (!digest || (this.#limiter && !this.#limiter.take())) return;
    const { uid, to: sequence } = digest;
    const id = deliveryId(name, uid, true);
    const closed = { ...begun(name, id), sequence, uid, kind: "digest", digest };
    if (!deliveries.find(id)) await deliveries.add(closed);
    await book.change(name, ({ digest: _digest, ...known }) => known);
  }

  async #attempt(delivery: NewDelivery | DeliveryRecord): Promise<void> {
    const { deliver, log } = this.#parts;
    const { signal } = this.#ending;
    try {
      await deliver(this.spec, delivery, signal);
    } catch (thrown) {
      // Ended by us: it is as if it had not been tried.
      signal.throwIfAborted();
      const fault = thrown instanceof SendFault ? thrown : new SendFault("it could not be made", {});
      if (!(thrown instanceof SendFault))
        log.warn({ notifier: this.spec.name, error: String(thrown) }, "a notification could not be made");
      return this.#failed(delivery, fault);
    }
    await this.#arrived(delivery);
  }

  async #arrived(delivery: NewDelivery | DeliveryRecord): Promise<void> {
    const { book, deliveries } = this.#parts;
    const wasDown = this.isDown;
    this.#failing.clear();
    this.#probes = 0;
    if (wasDown) this.#recoveredAt = Date.now();
    await book.change(this.spec.name, ({ failingSince: _since, lastError: _error, ...known }) => ({
      ...known,
      takenTo: Math.max(known.takenTo, delivery.sequence),
      delivered: known.delivered + 1,
      deliveredAt: Date.now(),
    }));
    if ("slot" in delivery) await deliveries.end(delivery);
    this.#wake();
  }

  async #failed(delivery: NewDelivery | DeliveryRecord, fault: SendFault): Promise<void> {
    const { deliveries, book, events } = this.#parts;
    const { name, retry } = this.spec;
    const now = Date.now();
    const attempts = delivery.attempts + 1;
    const isDead = fault.isFinal || attempts >= retry.attempts;
    // A receiver that will not have this one is there all the same.
    if (!fault.isFinal) this.#failing.add(delivery.id);
    this.#probeAt = now + backoffMs(retry.firstMs, ++this.#probes, "probe");
    const dueAt = now + (fault.retryAfterMs ?? backoffMs(retry.firstMs, attempts));
    const state = isDead ? "dead" : "waiting";
    const tried: NewDelivery = { ...delivery, state, attempts, triedAt: now, dueAt, error: fault.message };
    await ("slot" in delivery ? deliveries.put({ ...tried, slot: delivery.slot }) : deliveries.add(tried));
    const dropped = isDead ? await deliveries.trim(name) : 0;
    const isFirst = book.get(name).failingSince === undefined;
    await book.change(name, (known) => ({
      ...known,
      takenTo: Math.max(known.takenTo, delivery.sequence),
      failingSince: known.failingSince ?? now,
      lastError: fault.message,
      dropped: known.dropped + dropped,
    }));
    const data = { notifier: name, event: delivery.sequence, error: fault.message };
    if (isFirst) events.tell({ kind: "notification.failed", data: { ...data, attempt: attempts } });
    // What is about notifications itself is in the list, and not told again.
    if (isDead && !delivery.kind.startsWith("notification."))
      events.tell({ kind: "notification.dead", data: { ...data, attempts } });
    this.#wake();
  }
}

const begun = (notifier: string, id: string) => ({
  id,
  notifier,
  state: "waiting" as const,
  at: Date.now(),
  attempts: 0,
  triedAt: 0,
  dueAt: 0,
  error: "",
});
