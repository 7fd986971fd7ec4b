/** A running master, from the bus up: each part in the order in which it needs the others. */
import { hostname } from "node:os";

import type { BomaError } from "@boma/protocol";
import type { NatsConnection } from "nats";

import { ApiDoor } from "./api/api-door.ts";
import { OperatorRecord } from "./api/rights.ts";
import { type AuditSettings, openAudit } from "./audit/open-audit.ts";
import { connectMaster } from "./bus/connect.ts";
import { watchDisk } from "./bus/disk-watch.ts";
import { type Presence, watchPresence } from "./bus/presence.ts";
import { watchRoom } from "./bus/room.ts";
import type { EmbeddedServer } from "./bus/server.ts";
import { ensureRecords, ensureStreams, isReplicated, type StreamOptions } from "./bus/streams.ts";
import {
  type BusTrust,
  type BusUser,
  issueAgentCredential,
  issueMasterUser,
  issueSystemUser,
  siteAccount,
} from "./bus/trust.ts";
import { openCatalogs } from "./catalogs/open-catalogs.ts";
import type { Control } from "./control.ts";
import { DriftBoard } from "./drift/drift-board.ts";
import { AllowList } from "./enrol/allow-list.ts";
import { openEnrolDoor } from "./enrol/enrol-door.ts";
import { Enrolment } from "./enrol/enrolment.ts";
import { joinKit } from "./enrol/join-kit.ts";
import { Tokens } from "./enrol/tokens.ts";
import { Events } from "./events/events.ts";
import { Readings } from "./events/readings.ts";
import { Subscribers } from "./events/subscribers.ts";
import type { Home } from "./home.ts";
import { JobStore } from "./jobs/job-store.ts";
import { Jobs } from "./jobs/jobs.ts";
import { type Keyring, keepWorkingKey, nextWorkingKey, readKeyring } from "./keyring.ts";
import { instanceOf } from "./lead/instance.ts";
import type { LeadRecord } from "./lead/lead-record.ts";
import { type Lead, takeLead } from "./lead/lead.ts";
import { whoStandsBy } from "./lead/roster.ts";
import { levelKey, shareKey } from "./lead/shared-key.ts";
import type { Logger } from "./log.ts";
import { Mailboxes } from "./mail/mailbox.ts";
import { endLeasesOf } from "./maintenance/end-lease.ts";
import { Leases } from "./maintenance/leases.ts";
import { Installs } from "./netboot/installs.ts";
import { Netboot } from "./netboot/netboot.ts";
import { nodegroupsOf } from "./nodegroups.ts";
import { finishRekeys, openHelloDoor } from "./nodes/hello-door.ts";
import { Intake } from "./nodes/intake.ts";
import { nodeWatch } from "./nodes/node-watch.ts";
import { refusals } from "./nodes/refusals.ts";
import { Sessions } from "./nodes/sessions.ts";
import { Notifications } from "./notify/notifications.ts";
import { isDoneWithin } from "./patience.ts";
import { Reactors } from "./reactors/reactors.ts";
import type { NodeRecord } from "./registry/node-record.ts";
import { Registry } from "./registry/registry.ts";
import { Revocations } from "./registry/revocations.ts";
import type { Machine } from "./site/profile.ts";
import { Store } from "./store/store.ts";
import { Table } from "./store/table.ts";
import { takeUpWork } from "./take-up-work.ts";

export interface MasterOptions {
  readonly home: Home;
  readonly trust: BusTrust;
  /** Where this master connects, and where others find the bus. */
  readonly url: string;
  readonly servers: readonly string[];
  /** The authority of the bus, PEM; absent on loopback. */
  readonly ca?: string | undefined;
  /** The server, where it is ours to start and to stop. */
  readonly server?: Pick<EmbeddedServer, "renew"> | undefined;
  /** The operator's site, on this host. */
  readonly site: string;
  /** The operator who may do everything on the master's own host. */
  readonly localOperator: OperatorRecord;
  readonly audit: AuditSettings;
  readonly streams: StreamOptions;
  readonly log: Logger;
  /** Another master leads, and this one waits; it may be called again. */
  readonly standsBy?: ((leader: LeadRecord) => void) | undefined;
  /** Ends the waiting. */
  readonly signal?: AbortSignal | undefined;
}

type Connections = readonly [control: NatsConnection, system: NatsConnection];

interface Doors {
  readonly lead: Lead;
  readonly intake: Intake;
  readonly api: ApiDoor;
  readonly installs: Installs;
  readonly endRoom: () => Promise<void>;
  readonly endTakingUp: () => Promise<void>;
}

const DRAIN_MS_MAX = 5_000;

export class Master {
  readonly control: Control;
  readonly #connections: readonly NatsConnection[];
  readonly #lead: Lead;
  readonly #intake: Intake;
  readonly #api: ApiDoor;
  readonly #installs: Installs;
  readonly #endRoom: () => Promise<void>;
  readonly #endTakingUp: () => Promise<void>;

  private constructor(control: Control, connections: readonly NatsConnection[], doors: Doors) {
    this.control = control;
    this.#connections = connections;
    this.#lead = doors.lead;
    this.#intake = doors.intake;
    this.#api = doors.api;
    this.#installs = doors.installs;
    this.#endRoom = doors.endRoom;
    this.#endTakingUp = doors.endTakingUp;
  }

  /** Resolves when this master leads and works; with `undefined` when it was told to stop while it stood by. */
  static async start(options: MasterOptions): Promise<Master | undefined> {
    const { trust, url, ca, log } = options;
    const users = [await issueMasterUser(trust), await issueSystemUser(trust)] as const;
    const bus = await connectMaster(url, users[0], { ca });
    const system = await connectMaster(url, users[1], { ca, name: "boma-master-system" });
    const close = () => Promise.allSettled([bus.close(), system.close()]);
    try {
      const lead = await leadOf(options, [bus, system], users);
      if (lead) return await Master.#work(options, [bus, system], lead);
      await close();
      return undefined;
    } catch (error) {
      await close();
      log.error({ error: String(error) }, "the master could not start");
      throw error;
    }
  }

  static async #work(options: MasterOptions, connections: Connections, lead: Lead): Promise<Master> {
    const [bus] = connections;
    await ensureStreams(bus, options.streams);
    const control = await assemble(options, connections, lead);
    const intake = new Intake(control);
    await control.revocations.push();
    await finishRekeys(control);
    const endTakingUp = await takeUpWork(control, intake);
    openEnrolDoor(bus, { ...control, credential: control.credential });
    openHelloDoor(bus, { ...control, credential: control.credential });
    const api = new ApiDoor(bus, control);
    await bus.flush();
    await control.events.told({ kind: "master.started", data: { workingKey: control.keyring().name } });
    const endRoom = watchSpace(options, control);
    await control.drift.start();
    control.notifications.start();
    control.reactors.start(control);
    const installs = Installs.start(control);
    return new Master(control, connections, { lead, intake, api, installs, endRoom, endTakingUp });
  }

  /** Resolves when another master leads: nothing that this one holds counts any more. */
  get lost(): Promise<BomaError> {
    return this.#lead.lost;
  }

  /** Lets go of everything as it is. */
  async abandon(): Promise<void> {
    await Promise.allSettled(this.#connections.map((connection) => connection.close()));
  }

  /** Finishes what is under way and leaves; open jobs go on at the next start. */
  async stop(): Promise<void> {
    await this.#api.close();
    await this.#endRoom();
    await this.#endTakingUp();
    await this.#intake.stop();
    this.control.drift.stop();
    await this.control.reactors.close();
    await this.#installs.stop();
    await this.control.notifications.stop();
    await this.control.events.settled();
    this.control.presence.close();
    this.control.readings.close();
    await this.control.siteCompiler.close();
    await this.control.audit.close();
    await this.control.auditCopier.stop();
    this.#lead.resign();
    const drained = Promise.allSettled(this.#connections.map((connection) => connection.drain()));
    // A bus that stands still never says that it has everything.
    if (await isDoneWithin(drained, DRAIN_MS_MAX)) return;
    await Promise.allSettled(this.#connections.map((connection) => connection.close()));
  }
}

/** What a master that stands by needs of the streams is there already; it changes none of them. */
async function leadOf(
  options: MasterOptions,
  [bus, system]: Connections,
  users: readonly BusUser[],
): Promise<Lead | undefined> {
  const { home, trust, log, streams, standsBy, signal } = options;
  await ensureRecords(bus, streams);
  const store = await Store.open(bus, readKeyring(home).store, { replicated: true });
  const me = {
    home: instanceOf(home),
    host: hostname(),
    users: users.map(({ nkey }) => nkey.publicKey),
  };
  const lead = await takeLead(
    { store, bus, system, trust, me, log },
    { signal: signal ?? new AbortController().signal, standsBy: standsBy ?? (() => undefined) },
  );
  if (lead) await levelKey(store, home);
  return lead;
}

/** Streams that fill up, and the disk below those that are ours. */
function watchSpace({ server, home }: MasterOptions, control: Control): () => Promise<void> {
  const endRoom = watchRoom(control);
  const endDisk = server && watchDisk({ ...control, server, dir: home.bus });
  return async () => {
    endRoom();
    await endDisk?.();
  };
}

interface Assembled extends Control {
  readonly forgetKey: (key: string) => Promise<void>;
  readonly credential: (node: { readonly id: string; readonly key: string }) => Promise<string>;
}

/** What is kept, opened: from here on memory holds what the streams hold. */
async function openKept(
  { trust, log, localOperator }: MasterOptions,
  keyring: () => Keyring,
  { connections: [bus, system], lead }: { readonly connections: Connections; readonly lead: Lead },
) {
  const store = await Store.open(bus, keyring().store, {
    replicated: await isReplicated(bus),
    mayWrite: () => lead.confirmed(),
  });
  const [registry, tokens, allowList, revocations, operators, subscribers] = await Promise.all([
    Registry.open(store),
    Tokens.open(store),
    AllowList.open(store),
    Revocations.open(store, { trust, system, masters: lead.former }),
    Table.open(store, "operator", OperatorRecord),
    Subscribers.open(store),
  ]);
  // One that somebody removed stays removed.
  if (!revocations.isRevoked(localOperator.key))
    await operators.update(localOperator.key, (known) => known ?? localOperator);
  const events = new Events(store, log);
  const readings = new Readings(store);
  return { store, registry, tokens, allowList, revocations, operators, subscribers, readings, events };
}

async function assemble(options: MasterOptions, connections: Connections, lead: Lead): Promise<Assembled> {
  const { home, trust, log } = options;
  const [bus, system] = connections;
  let held = readKeyring(home);
  const keyring = () => held;
  const kept = await openKept(options, keyring, { connections, lead });
  const { store, registry, events } = kept;
  const audited = await openAudit({ ...kept, home, keyring, lead, log }, options.audit);
  const refused = refusals({ events, presence: () => presence, registry });
  const mailboxes = new Mailboxes(store, { keyring, refused });
  const sessions = new Sessions({ control: bus, keyring, registry, events });
  const jobStore = new JobStore(store);
  const leases = new Leases(store, jobStore);
  const compiled = await openCatalogs({ home, keyring, store, registry, jobStore, site: options.site, log });
  const jobs = new Jobs({
    store: jobStore,
    mailboxes,
    events,
    log,
    parcels: compiled.catalogs,
    audit: audited.jobAudit,
    leases,
    connected: (key) => presence.connected(key),
    barred: (key) => (sessions.isDuplicate(key) ? DUPLICATE : undefined),
  });
  const watch = nodeWatch({ registry, events, jobs, sessions, log });
  const account = siteAccount(trust).account.publicKey;
  const presence: Presence = await watchPresence(system, account, watch.handlers);
  const drift = await DriftBoard.open({ ...kept, log });
  const forgetKey = forgetIn([mailboxes, compiled, drift]);
  const profile = (machine: Machine) => compiled.siteCompiler.profileFor(machine);
  const connected = (key: string) => presence.connected(key);
  const deciding = { ...kept, ...audited, connected, profile, log };
  const parting = { forgetKey, lost: endLeasesOf({ leases, jobs, events }) };
  const enrolment = new Enrolment({ ...deciding, ...parting, root: held.root });
  const waiting = (key: string) => enrolment.room.claimsOf(key);
  const netboot = await Netboot.open({ ...deciding, isTest: isTestIn(jobs), waiting });
  const reread = (): void => void (held = readKeyring(home));
  return {
    ...kept,
    ...compiled,
    ...audited,
    sessions,
    jobs,
    leases,
    presence,
    drift,
    enrolment,
    netboot,
    keyring,
    log,
    forgetKey,
    rotate: (...how) => rotate({ home, reread, store, mailboxes, registry, presence, sessions }, ...how),
    ...theBus(options, bus, lead),
    gone: (key) => watch.gone(key, () => presence.connected(key)),
    joinKit: () => joinKit(options, held.root),
    ...(await openSiteParts(options, { ...kept, ...compiled, log })),
    refused,
  };
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

/** Whether a job only looks; one that is not kept any more is none. */
const isTestIn =
  (jobs: Jobs) =>
  async (job: string): Promise<boolean> =>
    (await jobs.known(job))?.record.test ?? false;

/** Where this master is, and how others get there. */
function theBus({ trust, servers, server, ca }: MasterOptions, bus: NatsConnection, lead: Lead) {
  return {
    bus,
    ca,
    busTrust: trust,
    credential: ({ id, key }: Pick<NodeRecord, "id" | "key">) =>
      issueAgentCredential(trust, { name: id, publicKey: key }),
    startedAt: Date.now(),
    servers: () => servers,
    masters: async () => ({ leader: lead.leader, standBy: await whoStandsBy(bus) }),
    busInfo: () => ({ version: bus.info?.version ?? "?", embedded: server !== undefined }),
  };
}

interface Spreading {
  readonly mailboxes: Mailboxes;
  readonly registry: Registry;
  readonly presence: Presence;
  readonly sessions: Sessions;
}

interface Rotating extends Spreading {
  readonly home: Home;
  readonly store: Store;
  readonly reread: () => void;
}

async function rotate(
  { home, store, reread, ...spreading }: Rotating,
  ...how: Parameters<Control["rotate"]>
): ReturnType<Control["rotate"]> {
  const next = nextWorkingKey(home, ...how);
  // Before any node can hear of it: a master that takes over now must speak with it.
  await shareKey(store, next);
  keepWorkingKey(home, next);
  reread();
  await spreadKeys(spreading);
  return { serial: next.serial };
}

/** The working key is another one: what lies in mailboxes is signed anew, and who is connected hears of it. */
async function spreadKeys({ mailboxes, registry, presence, sessions }: Spreading): Promise<void> {
  await mailboxes.resignAll([...registry.approved()].map(({ key }) => key));
  // A question in the new key's hand sends every connected node to ask whose hand that is.
  for (const key of presence.keys()) sessions.ask(key, "who");
}

const DUPLICATE =
  "two live sessions have this node's identity; end one of them, or revoke it and let the right one in anew";
