/** The master's notifiers on a real bus, with a real site, and without the rest of a master. */
import { randomBytes } from "node:crypto";

import type { NatsConnection } from "nats";

import { Events } from "../../packages/master/src/events/events.ts";
import { Subscribers } from "../../packages/master/src/events/subscribers.ts";
import type { Logger } from "../../packages/master/src/log.ts";
import { Notifications, type NotificationsParts } from "../../packages/master/src/notify/notifications.ts";
import type { SecretResolver } from "../../packages/master/src/secrets/secret-resolver.ts";
import { SiteCompiler } from "../../packages/master/src/site/site-compiler.ts";
import { Store } from "../../packages/master/src/store/store.ts";
import { startTestBus, type TestBus } from "./nats.ts";
import { TestSite } from "./site.ts";

const silent = (): void => undefined;
const log: Logger = { info: silent, warn: silent, error: silent, debug: silent } as unknown as Logger;

const NOTIFY_IMPORTS = 'import { matrix, notifications, ntfy, secret, smtp, webhook } from "@boma/states";\n';
export const notificationsOf = (entries: string): string =>
  `${NOTIFY_IMPORTS}export default notifications({${entries}});\n`;

export class NotifyBench implements AsyncDisposable {
  readonly bus: TestBus;
  readonly site: TestSite;
  readonly events: Events;
  readonly secrets: Record<string, string> = {};
  readonly #connection: NatsConnection;
  readonly #parts: NotificationsParts;
  notifications!: Notifications;

  private constructor(bus: TestBus, connection: NatsConnection, parts: NotificationsParts, site: TestSite) {
    this.bus = bus;
    this.#connection = connection;
    this.#parts = { ...parts, secrets: this.#resolver() };
    this.events = parts.events;
    this.site = site;
  }

  /** Notifiers as an object's members in the site's own words. */
  static async start(entries: string): Promise<NotifyBench> {
    const bus = await startTestBus();
    const connection = await bus.ctrl();
    const store = await Store.open(connection, randomBytes(32));
    const site = new TestSite({ "notifications.ts": notificationsOf(entries) });
    const parts = {
      store,
      log,
      events: new Events(store, log),
      subscribers: await Subscribers.open(store),
      registry: { byKey: () => undefined },
      nodegroups: () => new Map(),
      siteCompiler: new SiteCompiler({ site: site.dir }),
    } as unknown as NotificationsParts;
    const bench = new NotifyBench(bus, connection, parts, site);
    await bench.begin();
    return bench;
  }

  #resolver(): SecretResolver {
    const resolveOwn = async (references: readonly string[]) =>
      new Map(references.map((reference) => [reference, this.secrets[reference]!]));
    return { resolveOwn } as unknown as SecretResolver;
  }

  /** As a master that starts on what the one before left. */
  async begin(): Promise<void> {
    this.notifications = await Notifications.open(this.#parts);
    this.notifications.start();
    await this.notifications.sync();
  }

  /** Tells events that differ in their number. */
  async tell(count: number, from = 0): Promise<void> {
    for (let at = from; at < from + count; at++)
      await this.events.told({ kind: "token.revoked", data: { token: `t${at}` } });
  }

  async listed(name = "ops") {
    const { notifiers } = await this.notifications.list();
    return notifiers.find((one) => one.name === name);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.notifications.stop();
    await this.#parts.siteCompiler.close();
    await this.#connection.close();
    await this.bus[Symbol.asyncDispose]();
    this.site[Symbol.dispose]();
  }
}
