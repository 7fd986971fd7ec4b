/** The parts of a running master, opened. */
import { printJoinToken } from "@boma/protocol";
import type { NatsConnection } from "nats";

import { OperatorRecord } from "./api/rights.ts";
import { openAudit } from "./audit/open-audit.ts";
import { type Presence, watchPresence } from "./bus/presence.ts";
import { SiteLines } from "./bus/site-lines.ts";
import { isReplicated } from "./bus/streams.ts";
import { type BusTrust, watchedAccounts } from "./bus/trust.ts";
import { openCatalogs } from "./catalogs/open-catalogs.ts";
import type { Control } from "./control.ts";
import { DriftBoard } from "./drift/drift-board.ts";
import { type Admit, admitBy, siteServersBy } from "./enrol/admit.ts";
import { AllowList } from "./enrol/allow-list.ts";
import { Enrolment } from "./enrol/enrolment.ts";
import { JoinKeys } from "./enrol/join-keys.ts";
import { joinKit, knockingAt } from "./enrol/join-kit.ts";
import { Tokens } from "./enrol/tokens.ts";
import { Events } from "./events/events.ts";
import { Readings } from "./events/readings.ts";
import { Subscribers } from "./events/subscribers.ts";
import { writeSecret } from "./home.ts";
import { JobStore } from "./jobs/job-store.ts";
import { Jobs } from "./jobs/jobs.ts";
import { type Keyring, readKeyring } from "./keyring.ts";
import type { Lead } from "./lead/lead.ts";
import { whoStandsBy } from "./lead/roster.ts";
import { Caller } from "./mail/call.ts";
import { Mailboxes } from "./mail/mailbox.ts";
import { moveAllMail } from "./mail/move.ts";
import { endLeasesOf } from "./maintenance/end-lease.ts";
import { Leases } from "./maintenance/leases.ts";
import type { Connections, MasterOptions } from "./master-options.ts";
import { Netboot } from "./netboot/netboot.ts";
import { nodegroupsOf } from "./nodegroups.ts";
import { greetSite } from "./nodes/greet-site.ts";
import { InboxRead } from "./nodes/inbox-read.ts";
import { followInbox } from "./nodes/inbox-shut.ts";
import { nodeWatch } from "./nodes/node-watch.ts";
import { type Refused, refusals } from "./nodes/refusals.ts";
import { Sessions } from "./nodes/sessions.ts";
import { type Whereabouts, whereabouts } from "./nodes/whereabouts.ts";
import { Notifications } from "./notify/notifications.ts";
import { Reactors } from "./reactors/reactors.ts";
import type { NodeRecord } from "./registry/node-record.ts";
import { Registry } from "./registry/registry.ts";
import { Revocations } from "./registry/revocations.ts";
import { rotate } from "./rotate.ts";
import type { Machine } from "./site/profile.ts";
import type { SiteCompiler } from "./site/site-compiler.ts";
import { Store } from "./store/store.ts";
import { Table } from "./store/table.ts";

/** A running master, and what only its doors take. */
export interface Assembled extends Control {
  readonly forgetKey: (key: string) => Promise<void>;
  readonly admit: Admit;
}

/** What is kept, opened: from here on memory holds what the streams hold. */
async function openKept(
  { trust, log, localOperator }: MasterOptions,
  keyring: () => Keyring,
  { connections: [bus, system], lead }: { readonly connections: Connections; readonly lead: Lead },
) {
  const store = await Store.open(bus, keyring().store, {
    starting: true,
    replicated: await isReplicated(bus),
    mayWrite: () => lead.confirmed(),
  });
  const joinKeys = await JoinKeys.open(store);
  const [registry, tokens, allowList, revocations, operators, subscribers] = await Promise.all([
    Registry.open(store),
    Tokens.open(store),
    AllowList.open(store),
    Revocations.open(store, { trust, system, masters: lead.former, joinKeys }),
    Table.open(store, "operator", OperatorRecord),
    Subscribers.open(store),
  ]);
  // One that somebody removed stays removed.
  if (!revocations.isRevoked(localOperator.key))
    await operators.update(localOperator.key, (known) => known ?? localOperator);
  const events = new Events(store, log);
  const readings = new Readings(store);
  return {
    store,
    registry,
    joinKeys,
    tokens,
    allowList,
    revocations,
    operators,
    subscribers,
    readings,
    events,
  };
}

/** Each part in the order in which it needs the others. */
export async function assemble(
  options: MasterOptions,
  connections: Connections,
  lead: Lead,
): Promise<Assembled> {
  const { home, trust, log } = options;
  const [bus, system] = connections;
  let held = readKeyring(home);
  const keyring = () => held;
  const kept = await openKept(options, keyring, { connections, lead });
  const { store, registry, events } = kept;
  const audited = await openAudit({ ...kept, home, keyring, lead, log }, options.audit);
  const refused = refusals({ events, presence: () => presence, registry });
  const post = openPost(options, { ...kept, bus, keyring, refused });
  const { where, mailboxes, sessions } = post;
  const jobStore = new JobStore(store);
  const leases = new Leases(store, jobStore);
  const compiled = await openCatalogs({ ...kept, home, keyring, jobStore, where, site: options.site, log });
  await moveAllMail({ ...compiled, mailboxes, where });
  const jobs = new Jobs({
    store: jobStore,
    ...post,
    events,
    log,
    parcels: compiled.catalogs,
    audit: audited.jobAudit,
    leases,
    connected: (key) => presence.connected(key),
    barred: (key) => (sessions.isDuplicate(key) ? DUPLICATE : undefined),
  });
  const watch = nodeWatch({ registry, events, jobs, sessions, log });
  const watched = await watchNodes(system, { trust, where, registry, sessions, watch, events });
  const presence: Presence = watched.presence;
  const drift = await DriftBoard.open({ ...kept, log });
  const forgetKey = forgetIn([mailboxes, compiled, drift, sessions]);
  const parting = { forgetKey, lost: endLeasesOf({ leases, jobs, events }) };
  const deciding = { ...kept, ...compiled, ...audited, ...parting, presence, jobs, log, root: held.root };
  const { enrolment, netboot } = await openLettingIn(deciding);
  const reread = (): void => void (held = readKeyring(home));
  return {
    ...kept,
    ...compiled,
    ...audited,
    ...post,
    jobs,
    leases,
    ...watched,
    drift,
    enrolment,
    netboot,
    keyring,
    log,
    forgetKey,
    rotate: (...how) => rotate({ home, reread, store, mailboxes, registry, presence, sessions }, ...how),
    ...theBus(options, bus, lead),
    gone: (key) => watch.gone(key, presence),
    ...(await openSiteParts(options, { ...kept, ...compiled, log })),
    refused,
  };
}

interface PostParts {
  readonly joinKeys: JoinKeys;
  readonly bus: NatsConnection;
  readonly store: Store;
  readonly registry: Registry;
  readonly events: Events;
  readonly keyring: () => Keyring;
  readonly refused: Refused;
}

/** How nodes are reached, what lies on the bus for them, and how far what they say is read. */
function openPost(
  options: MasterOptions,
  { joinKeys, bus, store, registry, events, keyring, refused }: PostParts,
) {
  const where = whereabouts(options.trust, registry);
  const inboxRead = new InboxRead();
  followInbox(inboxRead, { bus, store });
  return {
    where,
    ...knocking(options, joinKeys, keyring().root),
    caller: new Caller({ bus, keyring, registry }),
    inboxRead,
    mailboxes: new Mailboxes(store, { keyring, refused }, where.addressOf),
    sessions: new Sessions({ control: bus, keyring, registry, events, where }),
  };
}

interface WatchParts {
  readonly trust: BusTrust;
  readonly where: Whereabouts;
  readonly registry: Registry;
  readonly sessions: Sessions;
  readonly watch: ReturnType<typeof nodeWatch>;
  readonly events: Events;
}

/** Who is there, at the centre and behind servers of sites. */
async function watchNodes(
  system: NatsConnection,
  { trust, where, registry, sessions, watch, events }: WatchParts,
) {
  const watched = { accounts: watchedAccounts(trust), siteOf: where.siteOf };
  const presence = await watchPresence(system, watched, watch.handlers);
  const siteLines = new SiteLines(system, trust, {
    onLine: (site) => {
      events.tell({ kind: "site.connected", data: { site } });
      void greetSite(site, { registry, where, sessions });
    },
    onCut: (site) => events.tell({ kind: "site.disconnected", data: { site } }),
    onServer: () => presence.refreshSoon(),
  });
  return { presence, siteLines };
}

type LettingIn = Omit<ConstructorParameters<typeof Enrolment>[0], "profile" | "connected"> &
  Omit<Parameters<typeof Netboot.open>[0], "isTest" | "waiting" | "profile" | "connected"> & {
    readonly siteCompiler: SiteCompiler;
    readonly presence: Presence;
    readonly jobs: Jobs;
  };

/** Who becomes a node, and which machines may boot to ask. */
async function openLettingIn({ siteCompiler, presence, jobs, ...kept }: LettingIn) {
  const profile = (machine: Machine) => siteCompiler.profileFor(machine);
  const connected = (key: string) => presence.connected(key);
  const parts = { ...kept, profile, connected };
  const enrolment = new Enrolment(parts);
  const waiting = (key: string) => enrolment.room.claimsOf(key);
  const netboot = await Netboot.open({ ...parts, isTest: isTestIn(jobs), waiting });
  return { enrolment, netboot };
}

type Told = Omit<Parameters<typeof Notifications.open>[0], "nodegroups">;

/** What the site does by itself, whom it tells, and how it calls nodes. */
async function openSiteParts({ site }: MasterOptions, kept: Told) {
  const nodegroups = nodegroupsOf(site);
  const notifications = await Notifications.open({ ...kept, nodegroups });
  return { nodegroups, notifications, reactors: await Reactors.open(kept.store, site) };
}

interface Forgetting {
  readonly forget: (key: string) => Promise<unknown>;
}

const forgetIn =
  (keepers: readonly Forgetting[]) =>
  async (key: string): Promise<void> =>
    void (await Promise.all(keepers.map((one) => one.forget(key))));

/** What a machine begins with that is no node yet. */
function knocking(options: MasterOptions, joinKeys: JoinKeys, root: Uint8Array) {
  const kit = (site?: unknown) => joinKit(options, { root, number: joinKeys.newest, site });
  // A machine with this and without a token asks, and an operator decides.
  const keepJoin = () => writeSecret(options.home.join, `${printJoinToken(kit())}\n`);
  const knockingOf = ({ assigned: { site } }: Pick<NodeRecord, "assigned">) =>
    knockingAt(options.trust, joinKeys.newest, site);
  return { joinKit: kit, keepJoin, knockingOf };
}

/** Whether a job only looks; one that is not kept any more is none. */
const isTestIn =
  (jobs: Jobs) =>
  async (job: string): Promise<boolean> =>
    (await jobs.store.find(job))?.test ?? false;

/** Where this master is, and how others get there. */
function theBus({ trust, servers, server, ca }: MasterOptions, bus: NatsConnection, lead: Lead) {
  return {
    bus,
    ca,
    busTrust: trust,
    admit: admitBy(trust),
    siteServers: siteServersBy(trust),
    startedAt: Date.now(),
    servers: () => servers,
    masters: async () => ({ leader: lead.leader, standBy: await whoStandsBy(bus) }),
    busInfo: () => ({ version: bus.info?.version ?? "?", embedded: server !== undefined }),
  };
}

const DUPLICATE =
  "two live sessions have this node's identity; end one of them, or revoke it and let the right one in anew";
