/** The keys of gossip as the members of the cluster hold them. Keys themselves are compared, and never told. */
import { setTimeout as pause } from "node:timers/promises";

import { BomaError } from "@boma/protocol";

import type { Host, ReadHost } from "../../host/host.ts";
import { type HttpResponse, isAnswered } from "../../host/http.ts";
import { type Access, ask, read, send } from "./api.ts";
import { membersOf } from "./cluster.ts";

const PATH = "/v1/operator/keyring";
const PAUSE_MS = 500;
/** Every member answers for itself; slow ones are asked again. */
const TRIES_MAX = 60;
const NAMED_MAX = 10;
const SAID_MAX = 200;

/** Of one circle of members: those of the datacenter, or the servers of all of them. */
interface Pool {
  readonly WAN: boolean;
  readonly NumNodes: number;
  readonly Keys: Readonly<Record<string, number>>;
  readonly PrimaryKeys: Readonly<Record<string, number>>;
}

export interface Ring {
  readonly members: number;
  /** How many of them hold the key, encrypt with it, and hold others too. */
  readonly holding: number;
  readonly using: number;
  readonly others: number;
}

export async function ringOf({ http }: ReadHost, at: Access, key: string): Promise<Ring> {
  return countIn(await poolsOf(http, at), key);
}

export function countIn(pools: readonly Pool[], key: string): Ring {
  const sum = (count: (pool: Pool) => number): number => pools.reduce((all, pool) => all + count(pool), 0);
  return {
    members: sum(({ NumNodes }) => NumNodes),
    holding: sum(({ Keys }) => Keys[key] ?? 0),
    using: sum(({ PrimaryKeys }) => PrimaryKeys[key] ?? 0),
    others: sum(({ Keys }) => Object.keys(Keys).filter((one) => one !== key).length),
  };
}

async function poolsOf(http: ReadHost["http"], at: Access): Promise<readonly Pool[]> {
  const answer = await ask(http, at, PATH);
  if (isAnswered(answer) && answer.status === 500) throw await unanswered(http, at, answer);
  const pools = await read<readonly Pool[]>(http, at, PATH);
  if (pools && pools.length > 0) return pools;
  throw new BomaError(
    "state/blocked",
    "gossip of this cluster is not encrypted, so there is no key to exchange",
    {
      hint: "docs/guide/infra/consul.md says how encryption is turned on in a cluster that runs.",
    },
  );
}

/** Consul asks every member, and says only how many of them did not answer. */
async function unanswered(http: ReadHost["http"], at: Access, { body }: HttpResponse): Promise<BomaError> {
  const away = (await membersOf(http, at)).filter(
    ({ status }) => status === "failed" || status === "leaving",
  );
  const who = away.map(({ name, status }) => `${name} (${status})`).slice(0, NAMED_MAX);
  const said = who.length > 0 ? who.join(", ") : body.trim().slice(0, SAID_MAX);
  return new BomaError("state/blocked", `not every member tells of its gossip keys: ${said}`, {
    hint: "`consul.members` shows who is away; bring them back, or take them out, and run this again.",
  });
}

/** First all hold the new key, then all use it, and only then the old ones go. */
export async function exchange(
  host: Host,
  at: Access,
  { key, retire }: { readonly key: string; readonly retire: boolean },
): Promise<void> {
  const { http } = host;
  const now = (): Promise<Ring> => ringOf(host, at, key);
  const ring = await now();
  if (ring.holding < ring.members) await send(http, at, { method: "POST", path: PATH, body: { Key: key } });
  await everybody(now, ({ holding, members }) => holding === members, "holds the new key");
  if (ring.using < ring.members) await send(http, at, { method: "PUT", path: PATH, body: { Key: key } });
  await everybody(now, ({ using, members }) => using === members, "uses the new key");
  if (!retire) return;
  const old = new Set((await poolsOf(http, at)).flatMap(({ Keys: keys }) => Object.keys(keys)));
  old.delete(key);
  for (const one of old) await send(http, at, { method: "DELETE", path: PATH, body: { Key: one } });
  await everybody(now, ({ others }) => others === 0, "has let go of the old keys");
}

async function everybody(
  now: () => Promise<Ring>,
  isSo: (ring: Ring) => boolean,
  what: string,
): Promise<void> {
  for (let tries = 1; ; tries++) {
    const ring = await now();
    if (isSo(ring)) return;
    if (tries >= TRIES_MAX)
      throw new BomaError(
        "state/blocked",
        `not every member of the cluster ${what}: ${ring.holding} of ${ring.members} hold it, ${ring.using} use it`,
        {
          hint: "`consul.members` shows who is missing; bring them back, or take them out, and run this again.",
        },
      );
    await pause(PAUSE_MS);
  }
}
