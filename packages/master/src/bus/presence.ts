/**
 * Which nodes are connected, as the server itself sees it: it names a node's
 * end at once, without a heartbeat of ours. Events carry the changes; a list
 * from each server seeds the picture, and corrects it after a gap.
 */
import { BomaError } from "@boma/protocol";
import type { NatsConnection, Subscription } from "nats";
import { z } from "zod";

import { untilStarted } from "../patience.ts";
import {
  type Connection,
  Instant,
  isNode,
  json,
  listConnections,
  nameOf,
  Server,
  type WatchedAccount,
} from "./connection-list.ts";

export interface PresenceEvents {
  /** The first connection of a node. */
  readonly onUp?: (connection: Connection) => void;
  /** A node's last connection ended, and why in the server's words. */
  readonly onDown?: (connection: Connection, reason: string) => void;
  /** A further connection while others of the same key live: a copied identity, or a line that died unnoticed. */
  readonly onDuplicate?: (connections: readonly Connection[]) => void;
  /** Of several connections of a node one is left. */
  readonly onSingle?: (connection: Connection) => void;
  /** A site's server has one that belongs elsewhere, or the centre has one that belongs behind a site's. */
  readonly onStray?: (connection: Connection) => void;
  /** The picture could not be compared; it is tried again. */
  readonly onError?: (error: BomaError) => void;
}

export interface Watched {
  readonly accounts: readonly WatchedAccount[];
  /** Behind which site's server a node belongs. What servers of other sites say of it does not count. */
  readonly siteOf: (key: string) => string | undefined;
}

export interface Presence extends AsyncDisposable {
  connections(key: string): readonly Connection[];
  connected(key: string): boolean;
  /** Every node that is connected. */
  keys(): readonly string[];
  /** Compares with what the servers list now. */
  refresh(): Promise<void>;
  /** The same by itself, when servers that have just connected can be asked. */
  refreshSoon(): void;
  close(): void;
}

/** A server of a cluster that dies says nothing about its clients; a comparison finds out. */
const REFRESH_MS = 30_000;
const SOON_MS = 1_000;
const GONE = "Not listed by the server";

// Servers add fields from release to release, so unknown ones are let pass.
const ClientEvent = z.object({
  server: Server,
  client: z.object({
    id: z.number(),
    user: z.string(),
    issuer_key: z.string().optional(),
    host: z.string().default(""),
    start: Instant,
  }),
  reason: z.string().optional(),
});
/** Watches the agents of these accounts; resolves when the picture is complete. */
export async function watchPresence(
  system: NatsConnection,
  watched: Watched,
  events: PresenceEvents = {},
): Promise<Presence> {
  const watcher = new PresenceWatcher(system, watched, events);
  await watcher.begin();
  return watcher;
}

class PresenceWatcher implements Presence {
  readonly #system: NatsConnection;
  readonly #watched: Watched;
  readonly #events: PresenceEvents;
  readonly #byKey = new Map<string, Map<string, Connection>>();
  /** What events said while lists were being read: they are newer than any list. */
  #changed: Set<string> | undefined;
  #refreshing: Promise<void> | undefined;
  #subscriptions: readonly Subscription[] = [];
  #timer: NodeJS.Timeout | undefined;
  #soon: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(system: NatsConnection, watched: Watched, events: PresenceEvents) {
    this.#system = system;
    this.#watched = watched;
    this.#events = events;
  }

  async begin(): Promise<void> {
    const hear = (kind: string, take: (connection: Connection, reason: string | undefined) => void) =>
      this.#watched.accounts.map((account) =>
        this.#system.subscribe(`$SYS.ACCOUNT.${account.publicKey}.${kind}`, {
          callback: (error, message) => {
            const event = error ? undefined : ClientEvent.safeParse(json(message)).data;
            if (event && isNode(account, event.client.issuer_key))
              take(connectionOf(event, account), event.reason);
          },
        }),
      );
    this.#subscriptions = [
      ...hear("CONNECT", (connection) => this.#take(connection)),
      ...hear("DISCONNECT", (connection, reason) => this.#drop(connection, reason ?? GONE)),
    ];
    try {
      await this.#system.flush();
      await untilStarted(
        () => this.refresh(),
        () => !this.#closed,
      );
    } catch (error) {
      this.close();
      throw error;
    }
    this.#timer = setInterval(() => this.#refreshLater(), REFRESH_MS).unref();
    void this.#followReconnects();
  }

  connections(key: string): readonly Connection[] {
    return [...(this.#byKey.get(key)?.values() ?? [])];
  }

  connected(key: string): boolean {
    return this.#byKey.has(key);
  }

  keys(): readonly string[] {
    return [...this.#byKey.keys()];
  }

  refresh(): Promise<void> {
    // Who asks while one is under way waits for the next: the present one may already have passed his node.
    const after = this.#refreshing?.catch(() => undefined) ?? Promise.resolve();
    const mine = after.then(() => this.#compare());
    this.#refreshing = mine;
    return mine;
  }

  close(): void {
    this.#closed = true;
    clearInterval(this.#timer);
    clearTimeout(this.#soon);
    for (const subscription of this.#subscriptions) subscription.unsubscribe();
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.close();
    return Promise.resolve();
  }

  refreshSoon(): void {
    clearTimeout(this.#soon);
    this.#soon = setTimeout(() => this.#refreshLater(), SOON_MS).unref();
  }

  #refreshLater(): void {
    this.refresh().catch((error: unknown) => {
      if (!this.#closed && error instanceof BomaError) this.#events.onError?.(error);
    });
  }

  async #followReconnects(): Promise<void> {
    for await (const status of this.#system.status()) {
      if (this.#closed) return;
      if (status.type === "reconnect") this.#refreshLater();
    }
  }

  async #compare(): Promise<void> {
    if (this.#closed) return;
    const changed = (this.#changed = new Set<string>());
    try {
      const known = () => [...this.#byKey.values()].flatMap((held) => [...held.values()]);
      const servers = new Set(known().map(({ serverId }) => serverId));
      const listed = await listConnections(this.#system, this.#watched.accounts, servers);
      const names = new Set(listed.map(nameOf));
      // Ups first: a node that moved to another connection was never down.
      for (const connection of listed) if (!changed.has(nameOf(connection))) this.#take(connection);
      for (const connection of known()) {
        const name = nameOf(connection);
        if (!names.has(name) && !changed.has(name)) this.#drop(connection, GONE);
      }
    } catch (cause) {
      throw new BomaError("bus/unreachable", "the servers did not list their connections", { cause });
    } finally {
      this.#changed = undefined;
    }
  }

  #take(connection: Connection): void {
    const name = nameOf(connection);
    this.#changed?.add(name);
    const belongs = this.#watched.siteOf(connection.key);
    if (connection.site !== belongs) this.#events.onStray?.(connection);
    if (connection.site !== undefined && connection.site !== belongs) return;
    const held = this.#byKey.get(connection.key) ?? new Map<string, Connection>();
    if (held.has(name)) return;
    held.set(name, connection);
    this.#byKey.set(connection.key, held);
    if (held.size === 1) this.#events.onUp?.(connection);
    else this.#events.onDuplicate?.([...held.values()]);
  }

  #drop(connection: Connection, reason: string): void {
    const name = nameOf(connection);
    this.#changed?.add(name);
    const held = this.#byKey.get(connection.key);
    if (!held?.delete(name)) return;
    const [left] = held.values();
    if (left) return void (held.size === 1 && this.#events.onSingle?.(left));
    this.#byKey.delete(connection.key);
    this.#events.onDown?.(connection, reason);
  }
}

const connectionOf = (
  { server, client }: z.output<typeof ClientEvent>,
  { site }: WatchedAccount,
): Connection => ({
  key: client.user,
  site,
  serverId: server.id,
  cid: client.id,
  ip: client.host,
  startedAt: client.start,
});
