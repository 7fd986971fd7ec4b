/**
 * Which nodes are connected, as the server itself sees it: it names a node's
 * end at once, without a heartbeat of ours. Events carry the changes; a list
 * from each server seeds the picture, and corrects it after a gap.
 */
import { BomaError } from "@boma/protocol";
import type { Msg, NatsConnection, Subscription } from "nats";
import { z } from "zod";

import { countServers } from "./servers.ts";

/** One live connection of a node. */
export interface Connection {
  readonly key: string;
  readonly serverId: string;
  readonly cid: number;
  readonly ip: string;
  /** Milliseconds since 1970, by the server's clock. */
  readonly startedAt: number;
}

export interface PresenceEvents {
  /** The first connection of a node. */
  readonly onUp?: (connection: Connection) => void;
  /** A node's last connection ended, and why in the server's words. */
  readonly onDown?: (connection: Connection, reason: string) => void;
  /** A further connection while others of the same key live: a copied identity, or a line that died unnoticed. */
  readonly onDuplicate?: (connections: readonly Connection[]) => void;
  /** Of several connections of a node one is left. */
  readonly onSingle?: (connection: Connection) => void;
  /** The picture could not be compared; it is tried again. */
  readonly onError?: (error: BomaError) => void;
}

export interface Presence extends AsyncDisposable {
  connections(key: string): readonly Connection[];
  connected(key: string): boolean;
  /** Every node that is connected. */
  keys(): readonly string[];
  /** Compares with what the servers list now. */
  refresh(): Promise<void>;
  close(): void;
}

// Small pages, because each entry carries the user's JWT. They overlap, so that entries which move up
// when others leave are still seen.
const PAGE = 512;
const PAGE_OVERLAP = 64;
const CONNECTIONS_MAX = 200_000;
const ANSWER_MS_MAX = 5_000;
/** A server of a cluster that dies says nothing about its clients; a comparison finds out. */
const REFRESH_MS = 30_000;
const GONE = "Not listed by the server";

// Servers add fields from release to release, so unknown ones are let pass.
const Server = z.object({ id: z.string() });
const Instant = z.string().transform((text) => Date.parse(text));
const ClientEvent = z.object({
  server: Server,
  client: z.object({
    id: z.number(),
    user: z.string(),
    host: z.string().default(""),
    start: Instant,
  }),
  reason: z.string().optional(),
});
const Page = z.object({
  server: Server,
  data: z.object({
    total: z.number(),
    connections: z
      .array(
        z.object({
          cid: z.number(),
          ip: z.string().default(""),
          start: Instant,
          // Absent when the client left while the list was made.
          authorized_user: z.string().optional(),
        }),
      )
      .nullish()
      .transform((list) => list ?? []),
  }),
});
type Page = z.output<typeof Page>;

const nameOf = (connection: { readonly serverId: string; readonly cid: number }): string =>
  `${connection.serverId}:${connection.cid}`;

const json = (message: Msg): unknown => JSON.parse(message.string());

/** Watches the agents of one account; resolves when the picture is complete. */
export async function watchPresence(
  system: NatsConnection,
  account: string,
  events: PresenceEvents = {},
): Promise<Presence> {
  const watcher = new PresenceWatcher(system, account, events);
  await watcher.begin();
  return watcher;
}

class PresenceWatcher implements Presence {
  readonly #system: NatsConnection;
  readonly #account: string;
  readonly #events: PresenceEvents;
  readonly #byKey = new Map<string, Map<string, Connection>>();
  /** What events said while lists were being read: they are newer than any list. */
  #changed: Set<string> | undefined;
  #refreshing: Promise<void> | undefined;
  #subscriptions: readonly Subscription[] = [];
  #timer: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(system: NatsConnection, account: string, events: PresenceEvents) {
    this.#system = system;
    this.#account = account;
    this.#events = events;
  }

  async begin(): Promise<void> {
    const hear = (kind: string, take: (event: z.output<typeof ClientEvent>) => void) =>
      this.#system.subscribe(`$SYS.ACCOUNT.${this.#account}.${kind}`, {
        callback: (error, message) => {
          const event = error ? undefined : ClientEvent.safeParse(json(message));
          if (event?.success) take(event.data);
        },
      });
    this.#subscriptions = [
      hear("CONNECT", ({ server, client }) => this.#take(connectionOf(server.id, client))),
      hear("DISCONNECT", ({ server, client, reason }) =>
        this.#drop(connectionOf(server.id, client), reason ?? GONE),
      ),
    ];
    try {
      await this.#system.flush();
      await this.refresh();
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
    for (const subscription of this.#subscriptions) subscription.unsubscribe();
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.close();
    return Promise.resolve();
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
      const listed = await listConnections(this.#system, this.#account);
      const names = new Set(listed.map(nameOf));
      const known = [...this.#byKey.values()].flatMap((held) => [...held.values()]);
      // Ups first: a node that moved to another connection was never down.
      for (const connection of listed) if (!changed.has(nameOf(connection))) this.#take(connection);
      for (const connection of known) {
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

const connectionOf = (serverId: string, client: z.output<typeof ClientEvent>["client"]): Connection => ({
  key: client.user,
  serverId,
  cid: client.id,
  ip: client.host,
  startedAt: client.start,
});

const entriesOf = ({ server, data }: Page): readonly Connection[] =>
  data.connections.flatMap(({ cid, ip, start, authorized_user: key }) =>
    key === undefined ? [] : [{ key, serverId: server.id, cid, ip, startedAt: start }],
  );

/** All connections of an account on all servers. */
async function listConnections(system: NatsConnection, account: string): Promise<readonly Connection[]> {
  const servers = await countServers(system);
  const query = (offset: number): string =>
    JSON.stringify({ auth: true, acc: account, sort: "cid", offset, limit: PAGE });
  const found = new Map<string, Connection>();
  const add = (page: Page) => {
    for (const connection of entriesOf(page)) found.set(nameOf(connection), connection);
  };
  // Each server answers for its own clients; the next pages are asked of each alone.
  const firsts = await system.requestMany("$SYS.REQ.SERVER.PING.CONNZ", query(0), {
    strategy: "count",
    maxMessages: servers,
    maxWait: ANSWER_MS_MAX,
  });
  for await (const message of firsts) {
    const first = Page.parse(json(message));
    add(first);
    let { total } = first.data;
    const step = PAGE - PAGE_OVERLAP;
    for (let offset = step; offset + PAGE_OVERLAP < Math.min(total, CONNECTIONS_MAX); offset += step) {
      const subject = `$SYS.REQ.SERVER.${first.server.id}.CONNZ`;
      const page = Page.parse(json(await system.request(subject, query(offset), { timeout: ANSWER_MS_MAX })));
      add(page);
      total = page.data.total;
    }
  }
  return [...found.values()];
}
