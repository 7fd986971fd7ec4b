/** All notifiers of the site, as it stands now: a change of it needs no new start. */
import { existsSync } from "node:fs";
import { join } from "node:path";

import { asBomaError, BomaError, closest, newSession, type Nodegroups } from "@boma/protocol";
import type { Notification } from "@boma/states/core";

import type { PumpParts } from "../events/pump.ts";
import type { Registry } from "../registry/registry.ts";
import type { SecretResolver } from "../secrets/secret-resolver.ts";
import { NOTIFICATIONS_FILE } from "../site/notifications-file.ts";
import type { SiteCompiler } from "../site/site-compiler.ts";
import { STREAM } from "../store/store.ts";
import { delivering, sendNow } from "./deliver.ts";
import { Deliveries, type DeliveryRecord } from "./deliveries.ts";
import { testNotice } from "./notice.ts";
import { NotifierBook } from "./notifier-book.ts";
import { Notifier, type NotifierParts } from "./notifier.ts";
import { describeSender, SendFault } from "./senders/index.ts";

export interface NotificationsParts extends PumpParts {
  readonly registry: Registry;
  readonly nodegroups: () => Nodegroups;
  readonly secrets: SecretResolver;
  readonly siteCompiler: SiteCompiler;
}

export interface ListedNotifier {
  readonly name: string;
  readonly to: string;
  readonly on: readonly string[];
  readonly state: "ok" | "failing" | "down";
  /** Everything up to here is dealt with, and how many events there are beyond. */
  readonly position: number;
  readonly last: number;
  readonly delivered: number;
  readonly deliveredAt?: number | undefined;
  readonly waiting: number;
  readonly gathered: number;
  readonly dead: number;
  readonly dropped: number;
  readonly failingSince?: number | undefined;
  readonly lastError?: string | undefined;
}

const SYNC_MS = 5_000;

export class Notifications {
  readonly #parts: NotificationsParts;
  readonly #deliveries: Deliveries;
  readonly #book: NotifierBook;
  readonly #running = new Map<string, Notifier>();
  readonly #ending = new AbortController();
  #syncing: Promise<unknown> = Promise.resolve();
  #timer: NodeJS.Timeout | undefined;
  /** Why the site's file cannot be used now. */
  #fault: BomaError | undefined;

  private constructor(parts: NotificationsParts, deliveries: Deliveries, book: NotifierBook) {
    this.#parts = parts;
    this.#deliveries = deliveries;
    this.#book = book;
  }

  static async open(parts: NotificationsParts): Promise<Notifications> {
    const { store } = parts;
    return new Notifications(
      parts,
      ...(await Promise.all([Deliveries.open(store), NotifierBook.open(store)])),
    );
  }

  start(): void {
    const again = (): void => {
      void this.sync().finally(() => {
        if (!this.#ending.signal.aborted) this.#timer = setTimeout(again, SYNC_MS);
      });
    };
    again();
  }

  async stop(): Promise<void> {
    this.#ending.abort();
    clearTimeout(this.#timer);
    await this.#syncing;
    await Promise.all([...this.#running.values()].map((notifier) => notifier.stop()));
  }

  /** Brings the notifiers to what the site says now. */
  sync(): Promise<void> {
    const mine = this.#syncing.then(() => (this.#ending.signal.aborted ? undefined : this.#sync()));
    this.#syncing = mine.catch(() => undefined);
    return mine.catch((thrown: unknown) => this.#broken(asBomaError(thrown)));
  }

  async #sync(): Promise<void> {
    const { siteCompiler } = this.#parts;
    const isThere = existsSync(join(siteCompiler.site, NOTIFICATIONS_FILE));
    if (!isThere && this.#book.names().length === 0 && this.#running.size === 0) return;
    if (!isThere && !existsSync(join(siteCompiler.site, "top.ts")))
      // A site that is not mounted yet says nothing about anybody.
      throw new BomaError("site/missing", `there is no site in ${siteCompiler.site}`);
    const { notifications, errors } = await siteCompiler.load();
    const own = errors.find(({ place }) => place?.file === NOTIFICATIONS_FILE);
    if (!notifications)
      throw own ?? new BomaError("site/notifications", `${NOTIFICATIONS_FILE} cannot be used`);
    this.#fault = undefined;
    const wanted = new Map(notifications.map((spec) => [spec.name, spec]));
    for (const [name, notifier] of this.#running) {
      if (same(notifier.spec, wanted.get(name))) continue;
      await notifier.stop();
      this.#running.delete(name);
    }
    for (const name of this.#book.names()) if (!wanted.has(name)) await this.#forget(name);
    for (const spec of wanted.values()) if (!this.#running.has(spec.name)) await this.#begin(spec);
  }

  /** Those that run go on as they were; that the file is broken is told once. */
  #broken(error: BomaError): void {
    if (this.#fault?.message === error.message) return;
    this.#fault = error;
    const { log, events } = this.#parts;
    log.error({ error: error.message }, "the site's notifications cannot be used");
    events.tell({
      kind: "master.alarm",
      data: { what: "notifications", message: error.message.slice(0, 2000) },
    });
  }

  async #begin(spec: Notification): Promise<void> {
    const { store, secrets } = this.#parts;
    const parts: NotifierParts = {
      ...this.#parts,
      deliveries: this.#deliveries,
      book: this.#book,
      deliver: delivering({ store, secrets }),
    };
    const notifier = new Notifier(spec, parts);
    await this.#book.change(spec.name, (known) => ({ ...known }));
    await notifier.start(await this.#lastEvent());
    this.#running.set(spec.name, notifier);
  }

  /** What it still owed is kept in the list of the dead, for whoever wants to know. */
  async #forget(name: string): Promise<void> {
    for (const delivery of this.#deliveries.list("waiting", name))
      await this.#deliveries.put({
        ...delivery,
        state: "dead",
        error: "the notifier was taken out of the site",
      });
    await this.#deliveries.trim(name);
    await this.#parts.subscribers.leave("notifier", name);
    await this.#book.forget(name);
  }

  async #lastEvent(): Promise<number> {
    const { state } = await this.#parts.store.api.streams.info(STREAM.events);
    return state.last_seq;
  }

  async list(): Promise<{ notifiers: ListedNotifier[]; fault?: string }> {
    await this.sync();
    const last = await this.#lastEvent();
    const notifiers = [...this.#running.values()].map((notifier) => this.#listed(notifier, last));
    return {
      notifiers: notifiers.sort((a, b) => (a.name < b.name ? -1 : 1)),
      ...(this.#fault && { fault: this.#fault.message }),
    };
  }

  #listed({ spec, isDown }: Notifier, last: number): ListedNotifier {
    const { name, on, to } = spec;
    const { delivered, deliveredAt, dropped, failingSince, lastError, digest } = this.#book.get(name);
    return {
      name,
      to: describeSender(to),
      on,
      state: isDown ? "down" : failingSince === undefined ? "ok" : "failing",
      position: this.#parts.subscribers.get("notifier", name)?.position ?? 0,
      last,
      delivered,
      deliveredAt,
      waiting: this.#deliveries.list("waiting", name).length,
      gathered: digest?.count ?? 0,
      dead: this.#deliveries.list("dead", name).length,
      dropped,
      failingSince,
      lastError,
    };
  }

  dead(): DeliveryRecord[] {
    return this.#deliveries.list("dead");
  }

  /** Puts one that was given up, or all of them, back to those that wait. */
  async retry(id: string | undefined): Promise<{ readonly again: number; readonly gone: number }> {
    await this.sync();
    const meant = this.dead().filter((one) => id === undefined || one.id === id);
    if (id !== undefined && meant.length === 0)
      throw new BomaError("notify/unknown", `there is no notification ${id} that was given up`);
    const possible = meant.filter(({ notifier }) => this.#running.has(notifier));
    for (const delivery of possible)
      await this.#deliveries.put({ ...delivery, state: "waiting", attempts: 0, triedAt: 0, dueAt: 0 });
    for (const name of new Set(possible.map(({ notifier }) => notifier))) this.#running.get(name)!.wake();
    return { again: possible.length, gone: meant.length - possible.length };
  }

  /** Sends a marked one now, once. */
  async test(name: string): Promise<{ readonly to: string; readonly ms: number }> {
    await this.sync();
    const spec = this.#running.get(name)?.spec;
    if (!spec) {
      const meant = closest(name, this.#running.keys());
      throw new BomaError("notify/unknown", `the site has no notifier ${JSON.stringify(name)}`, {
        hint: meant === undefined ? "`boma-master notify list` shows them." : `Did you mean ${meant}?`,
      });
    }
    const begun = Date.now();
    try {
      const notice = testNotice(spec, newSession());
      await sendNow(this.#parts, spec, { notice, signal: this.#ending.signal });
    } catch (thrown) {
      if (!(thrown instanceof SendFault)) throw thrown;
      throw new BomaError("notify/undelivered", `${name}, ${describeSender(spec.to)}: ${thrown.message}`);
    }
    return { to: describeSender(spec.to), ms: Date.now() - begun };
  }
}

const same = (a: Notification, b: Notification | undefined): boolean =>
  JSON.stringify(a) === JSON.stringify(b);
