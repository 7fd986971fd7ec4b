/** Who is connected, as each server of the bus lists it for itself. */
import type { Msg, NatsConnection } from "nats";
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

/** An account whose users, issued by this key, are nodes. */
export interface WatchedAccount {
  readonly publicKey: string;
  readonly signer: string;
  readonly site: string | undefined;
}

// Small pages, because each entry carries the user's JWT. They overlap, so that entries which move up
// when others leave are still seen.
const PAGE = 512;
const PAGE_OVERLAP = 64;
const CONNECTIONS_MAX = 200_000;
const ANSWER_MS_MAX = 5_000;
// Servers add fields from release to release, so unknown ones are let pass.
export const Server = z.object({ id: z.string() });
export const Instant = z.string().transform((text) => Date.parse(text));
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
export const nameOf = ({ site = "", serverId, cid }: Pick<Connection, "site" | "serverId" | "cid">): string =>
  `${site}:${serverId}:${cid}`;

export const json = (message: Msg): unknown => JSON.parse(message.string());

/** A machine that asks to be let in at a site's server is a user of the same account, by another key. */
export const isNode = ({ signer }: WatchedAccount, issuer: string | undefined): boolean => issuer === signer;

const entriesOf = (
  { server, data }: Page,
  accounts: ReadonlyMap<string, WatchedAccount>,
): readonly Connection[] =>
  data.connections.flatMap(({ cid, ip, start, authorized_user: key, account, issuer_key: issuer }) => {
    const watched = accounts.get(account ?? "");
    if (key === undefined || !watched || !isNode(watched, issuer)) return [];
    return [{ key, site: watched.site, serverId: server.id, cid, ip, startedAt: start }];
  });

/**
 * All connections of these accounts on all servers. Each is asked for all it has: a server that does not know an account
 * is slow to say so. `known` are servers of which connections are known.
 */
export async function listConnections(
  system: NatsConnection,
  accounts: readonly WatchedAccount[],
  known: ReadonlySet<string>,
): Promise<readonly Connection[]> {
  const byKey = new Map(accounts.map((account) => [account.publicKey, account]));
  const found = new Map<string, Connection>();
  const heard = new Set<string>();
  const take = async (first: Page) => {
    heard.add(first.server.id);
    for await (const page of pagesFrom(system, first))
      for (const connection of entriesOf(page, byKey)) found.set(nameOf(connection), connection);
  };
  const firsts = await system.requestMany("$SYS.REQ.SERVER.PING.CONNZ", query(0), {
    strategy: "count",
    maxMessages: await countServers(system),
    maxWait: ANSWER_MS_MAX,
  });
  for await (const message of firsts) await take(Page.parse(json(message)));
  // One that has just come may have answered in the place of another: whom we know is asked by name before he counts as gone.
  const silent = [...known].filter((id) => !heard.has(id));
  const pages = await Promise.all(silent.map((id) => pageOf(system, id, 0).catch(() => undefined)));
  for (const page of pages) if (page) await take(page);
  return [...found.values()];
}

/** Each server answers for its own clients; the next pages are asked of each alone. */
async function* pagesFrom(system: NatsConnection, first: Page): AsyncGenerator<Page> {
  yield first;
  const step = PAGE - PAGE_OVERLAP;
  let { total } = first.data;
  for (let offset = step; offset + PAGE_OVERLAP < Math.min(total, CONNECTIONS_MAX); offset += step) {
    const page = await pageOf(system, first.server.id, offset);
    yield page;
    total = page.data.total;
  }
}

const query = (offset: number): string => JSON.stringify({ auth: true, sort: "cid", offset, limit: PAGE });

async function pageOf(system: NatsConnection, server: string, offset: number): Promise<Page> {
  const answer = await system.request(`$SYS.REQ.SERVER.${server}.CONNZ`, query(offset), {
    timeout: ANSWER_MS_MAX,
  });
  return Page.parse(json(answer));
}
