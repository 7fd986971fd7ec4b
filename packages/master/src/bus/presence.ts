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
  /** The site whose server says so; the centre's own say it of nodes without one. */
  readonly site: string | undefined;
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
  /** A site's server has one that belongs elsewhere, or the centre has one that belongs behind a site's. */
  readonly onStray?: (connection: Connection) => void;
  /** The picture could not be compared; it is tried again. */
  readonly onError?: (error: BomaError) => void;
}

/** An account whose users, issued by this key, are nodes. */
export interface WatchedAccount {
  readonly publicKey: string;
  readonly signer: string;
  readonly site: string | undefined;
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

// Small pages, because each entry carries the user's JWT. They overlap, so that entries which move up
// when others leave are still seen.
const PAGE = 512;
const PAGE_OVERLAP = 64;
const CONNECTIONS_MAX = 200_000;
const ANSWER_MS_MAX = 5_000;
/** A server of a cluster that dies says nothing about its clients; a comparison finds out. */
const REFRESH_MS = 30_000;
const SOON_MS = 1_000;
const GONE = "Not listed by the server";

// Servers add fields from release to release, so unknown ones are let pass.
const Server = z.object({ id: z.string() });
const Instant = z.string().transform((text) => Date.parse(text));
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
          issuer_key: z.string().optional(),
          account: z.string().optional(),
        }),
      )
      .nullish()
      .transform((list) => list ?? []),
  }),
});
type Page = z.output<typeof Page>;

/** A site's server may call itself what it likes: it says things of connections at its site alone. */
const nameOf = ({ site = "", serverId, cid }: Pick<Connection, "site" | "serverId" | "cid">): string =>
  `${site}:${serverId}:${cid}`;

const json = (message: Msg): unknown => JSON.parse(message.string());

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
      const listed = await listConnections(this.#system, this.#watched.accounts);
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

/** A machine that asks to be let in at a site's server is a user of the same account, by another key. */
const isNode = ({ signer }: WatchedAccount, issuer: string | undefined): boolean => issuer === signer;

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

const entriesOf = (
  { server, data }: Page,
  accounts: ReadonlyMap<string, WatchedAccount>,
): readonly Connection[] =>
  data.connections.flatMap(({ cid, ip, start, authorized_user: key, account, issuer_key: issuer }) => {
    const watched = accounts.get(account ?? "");
    if (key === undefined || !watched || !isNode(watched, issuer)) return [];
    return [{ key, site: watched.site, serverId: server.id, cid, ip, startedAt: start }];
  });

/** All connections of these accounts on all servers. Each is asked for all it has: a server that does not know an account is slow to say so. */
async function listConnections(
  system: NatsConnection,
  accounts: readonly WatchedAccount[],
): Promise<readonly Connection[]> {
  const servers = await countServers(system);
  const query = (offset: number): string => JSON.stringify({ auth: true, sort: "cid", offset, limit: PAGE });
  const byKey = new Map(accounts.map((account) => [account.publicKey, account]));
  const found = new Map<string, Connection>();
  const add = (page: Page) => {
    for (const connection of entriesOf(page, byKey)) found.set(nameOf(connection), connection);
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
