/** A running master, from the bus up: each part in the order in which it needs the others. */
import type { NatsConnection } from "nats";

import { ApiDoor } from "./api/api-door.ts";
import { OperatorRecord } from "./api/rights.ts";
import { connectMaster } from "./bus/connect.ts";
import { type Presence, watchPresence } from "./bus/presence.ts";
import { ensureStreams } from "./bus/streams.ts";
import {
  type BusTrust,
  issueAgentCredential,
  issueMasterUser,
  issueSystemUser,
  siteAccount,
} from "./bus/trust.ts";
import { openCatalogs } from "./catalogs/open-catalogs.ts";
import type { Control } from "./control.ts";
import { AllowList } from "./enrol/allow-list.ts";
import { openEnrolDoor } from "./enrol/enrol-door.ts";
import { Enrolment } from "./enrol/enrolment.ts";
import { joinKit } from "./enrol/join-kit.ts";
import { Tokens } from "./enrol/tokens.ts";
import { Events } from "./events/events.ts";
import type { Home } from "./home.ts";
import { JobStore } from "./jobs/job-store.ts";
import { Jobs } from "./jobs/jobs.ts";
import { type Keyring, readKeyring, rotateWorkingKey } from "./keyring.ts";
import type { Logger } from "./log.ts";
import { Mailboxes } from "./mail/mailbox.ts";
import { nodegroupsOf } from "./nodegroups.ts";
import { finishRekeys, openHelloDoor } from "./nodes/hello-door.ts";
import { Intake } from "./nodes/intake.ts";
import { nodeWatch } from "./nodes/node-watch.ts";
import { refusals } from "./nodes/refusals.ts";
import { Sessions } from "./nodes/sessions.ts";
import { Registry } from "./registry/registry.ts";
import { Revocations } from "./registry/revocations.ts";
import type { Machine } from "./site/profile.ts";
import { Store } from "./store/store.ts";
import { Table } from "./store/table.ts";

export interface MasterOptions {
  readonly home: Home;
  readonly trust: BusTrust;
  /** Where this master connects, and where others find the bus. */
  readonly url: string;
  readonly servers: readonly string[];
  /** The authority of the bus, PEM; absent on loopback. */
  readonly ca?: string | undefined;
  readonly embedded: boolean;
  /** The operator's site, on this host. */
  readonly site: string;
  /** The operator who may do everything on the master's own host. */
  readonly localOperator: OperatorRecord;
  readonly log: Logger;
}

type Connections = readonly [control: NatsConnection, system: NatsConnection];

export class Master {
  readonly control: Control;
  readonly #connections: readonly NatsConnection[];
  readonly #intake: Intake;
  readonly #api: ApiDoor;

  private constructor(
    control: Control,
    connections: readonly NatsConnection[],
    doors: { intake: Intake; api: ApiDoor },
  ) {
    this.control = control;
    this.#connections = connections;
    this.#intake = doors.intake;
    this.#api = doors.api;
  }

  static async start(options: MasterOptions): Promise<Master> {
    const { trust, url, ca, log } = options;
    const bus = await connectMaster(url, await issueMasterUser(trust), { ca });
    const system = await connectMaster(url, await issueSystemUser(trust), { ca, name: "boma-master-system" });
    try {
      await ensureStreams(bus);
      const control = await assemble(options, [bus, system]);
      const intake = new Intake({ ...control, store: control.store });
      await control.revocations.push();
      await finishRekeys(control);
      await control.jobs.resume();
      await intake.start();
      openEnrolDoor(bus, { ...control, credential: control.credential });
      openHelloDoor(bus, { ...control, credential: control.credential });
      const api = new ApiDoor(bus, control);
      await bus.flush();
      control.events.tell({ kind: "master.started", data: { workingKey: control.keyring().name } });
      return new Master(control, [bus, system], { intake, api });
    } catch (error) {
      await Promise.allSettled([bus.close(), system.close()]);
      log.error({ error: String(error) }, "the master could not start");
      throw error;
    }
  }

  /** Finishes what is under way and leaves; open jobs go on at the next start. */
  async stop(): Promise<void> {
    this.#api.close();
    await this.#intake.stop();
    await this.control.events.settled();
    this.control.presence.close();
    await this.control.siteCompiler.close();
    await this.control.siteCompiler.close();
    await Promise.allSettled(this.#connections.map((connection) => connection.drain()));
  }
}

interface Assembled extends Control {
  readonly store: Store;
  readonly forgetKey: (key: string) => Promise<void>;
  readonly credential: (node: { readonly id: string; readonly key: string }) => Promise<string>;
}

/** What is kept, opened: from here on memory holds what the streams hold. */
async function openKept(options: MasterOptions, keyring: () => Keyring, [bus, system]: Connections) {
  const store = await Store.open(bus, keyring().store);
  const [registry, tokens, allowList, revocations, operators] = await Promise.all([
    Registry.open(store),
    Tokens.open(store),
    AllowList.open(store),
    Revocations.open(store, options.trust, system),
    Table.open(store, "operator", OperatorRecord),
  ]);
  const { localOperator } = options;
  // One that somebody removed stays removed.
  if (!revocations.isRevoked(localOperator.key))
    await operators.update(localOperator.key, (known) => known ?? localOperator);
  const events = new Events(store, options.log);
  return { store, registry, tokens, allowList, revocations, operators, events };
}

async function assemble(options: MasterOptions, connections: Connections): Promise<Assembled> {
  const { home, trust, log, ca } = options;
  const [bus, system] = connections;
  let held = readKeyring(home);
  const keyring = () => held;
  const kept = await openKept(options, keyring, connections);
  const { store, registry, events } = kept;
  const refused = refusals({ events, presence: () => presence, registry });
  const mailboxes = new Mailboxes(store, { keyring, refused });
  const sessions = new Sessions({ control: bus, keyring, registry, events });
  const jobStore = new JobStore(store);
  const compiled = await openCatalogs({ home, keyring, store, registry, jobStore, site: options.site, log });
  const jobs = new Jobs({
    store: jobStore,
    mailboxes,
    events,
    log,
    connected: (key) => presence.connected(key),
    barred: (key) => (sessions.isDuplicate(key) ? DUPLICATE : undefined),
    parcels: compiled.catalogs,
  });
  const watch = nodeWatch({ registry, events, jobs, sessions, log });
  const account = siteAccount(trust).account.publicKey;
  const presence: Presence = await watchPresence(system, account, watch.handlers);
  const forgetKey = async (key: string) => {
    await Promise.all([mailboxes.forget(key), compiled.forget(key)]);
  };
  const profile = (machine: Machine) => compiled.siteCompiler.profileFor(machine);
  const enrolment = new Enrolment({ ...kept, root: held.root, forgetKey, profile });
  const rotate = async (rootKeyFile: string | undefined, release?: Uint8Array) => {
    const rotated = rotateWorkingKey(home, rootKeyFile, release);
    held = readKeyring(home);
    await spreadKeys({ mailboxes, registry, presence, sessions });
    return rotated;
  };
  return {
    ...kept,
    ...compiled,
    bus,
    sessions,
    jobs,
    presence,
    enrolment,
    keyring,
    log,
    ca,
    forgetKey,
    rotate,
    busTrust: trust,
    credential: ({ id, key }) => issueAgentCredential(trust, { name: id, publicKey: key }),
    startedAt: Date.now(),
    servers: () => options.servers,
    busInfo: () => ({ version: bus.info?.version ?? "?", embedded: options.embedded }),
    gone: (key) => watch.gone(key, () => presence.connected(key)),
    joinKit: () => joinKit(options, held.root),
    nodegroups: nodegroupsOf(options.site),
    refused,
  };
}

interface Spreading {
  readonly mailboxes: Mailboxes;
  readonly registry: Registry;
  readonly presence: Presence;
  readonly sessions: Sessions;
}

/** The working key is another one: what lies in mailboxes is signed anew, and who is connected hears of it. */
async function spreadKeys({ mailboxes, registry, presence, sessions }: Spreading): Promise<void> {
  await mailboxes.resignAll([...registry.approved()].map(({ key }) => key));
  // A question in the new key's hand sends every connected node to ask whose hand that is.
  for (const key of presence.keys()) sessions.ask(key, "who");
}

const DUPLICATE =
  "two live sessions have this node's identity; revoke it, or `boma-master rekey` the right one";
