/** What an agent keeps on its disk, opened; and what tells the master of it. */
import { join } from "node:path";

import type { JoinKit, NodeEventBody } from "@boma/protocol";

import type { AgentOptions } from "./agent-options.ts";
import type { AgentWorld } from "./agent-parts.ts";
import { LevelFile } from "./beacons/level-file.ts";
import { NodeBeacons } from "./beacons/node-beacons.ts";
import { machineWorld } from "./beacons/world.ts";
import type { MasterTime } from "./clock.ts";
import { CatalogCache } from "./drift/catalog-cache.ts";
import { DriftBook } from "./drift/drift-book.ts";
import { DutyBook } from "./duties/duty-book.ts";
import { EventSpool } from "./events/event-spool.ts";
import { realHost } from "./host/hosts.ts";
import { closeHome, Identity, noMaster } from "./identity.ts";
import { Journal } from "./journal.ts";
import { type Letters, lettersOf } from "./letters.ts";
import type { Log } from "./log.ts";
import { Outbox } from "./outbox.ts";
import { openPolicy, type Policy, readPolicy } from "./policy.ts";
import { openTrust, type Trust } from "./trust.ts";
import { Ways } from "./ways.ts";

export interface KeptParts {
  readonly identity: Identity;
  readonly kit: JoinKit;
  readonly ways: Ways;
  readonly trust: Trust;
  readonly journal: Journal;
  readonly policy: Policy;
  readonly letters: Letters;
  readonly outbox: Outbox;
  readonly events: EventSpool;
  readonly duties: DutyBook;
  readonly beacons: NodeBeacons;
  /** The catalog that was last applied as a whole. */
  readonly cache: CatalogCache;
  readonly driftBook: DriftBook;
  /** Tells the master what happened here; it waits where the bus is away. */
  readonly tell: (event: NodeEventBody) => void;
}

export async function openKept(
  options: AgentOptions,
  { log, random, time }: Pick<AgentWorld, "log" | "random" | "time">,
): Promise<KeptParts> {
  const { dir, durable = true, policyDir } = options;
  const identity = await Identity.open(dir, { proposed: options.proposedId ?? "node", durable });
  for (const path of await closeHome(dir))
    log.warn({ path }, "others could read this file; now only its owner can");
  await identity.begin({ kit: options.kit, proposed: options.id });
  const { kit } = identity;
  if (!kit) throw noMaster();
  const trust = await openTrust(dir, kit.root, { durable });
  const now = (): number | undefined => (time.known ? time.now() : undefined);
  const journal = await Journal.open(join(dir, "journal"), { durable, now });
  const policy = policyDir === undefined ? openPolicy : await readPolicy(policyDir);
  for (const problem of policy.problems)
    log.error({ problem }, "the policy cannot be read: functions that change things are refused");
  const letters = lettersOf(identity, time);
  const outbox = new Outbox({ key: () => identity.key, journal, renew: letters.renew, random });
  const duties = await DutyBook.open(join(dir, "duties.json"), { durable });
  const cache = new CatalogCache(join(dir, "drift/catalog"), { durable, keys: () => identity.keys });
  identity.beforeNextKeys((keys) => cache.renew(keys));
  const driftBook = await DriftBook.open(join(dir, "drift/book.json"), { durable });
  const events = await openEvents(join(dir, "events"), { durable, log, time, letters, outbox });
  const tell = (event: NodeEventBody): void => events.tell(event);
  const { confined, root } = options.host ?? realHost;
  const beacons = new NodeBeacons({
    duties,
    world: machineWorld(root, time),
    // A machine of memory has nothing to see; what lies at `/` is another one's.
    ...(confined && root === "/" && { beacons: {} }),
    levels: new LevelFile(join(dir, "beacons.json"), log),
    tell,
    log,
  });
  return {
    identity,
    kit,
    ways: new Ways(identity, kit),
    trust,
    journal,
    policy,
    letters,
    outbox,
    events,
    duties,
    cache,
    driftBook,
    beacons,
    tell,
  };
}

const openEvents = (
  path: string,
  {
    letters,
    outbox,
    time,
    ...rest
  }: Pick<KeptParts, "letters" | "outbox"> & {
    readonly durable: boolean;
    readonly log: Log;
    readonly time: MasterTime;
  },
): Promise<EventSpool> =>
  EventSpool.open({
    ...rest,
    path,
    now: () => time.now(),
    sign: letters.event,
    renew: letters.renewEvent,
    send: (letter) => outbox.sendKept("event", letter),
  });
