/** A running master: it leads, works, and leaves in order. */
import { hostname } from "node:os";

import type { BomaError } from "@boma/protocol";
import type { NatsConnection } from "nats";

import { ApiDoor } from "./api/api-door.ts";
import { assemble } from "./assemble.ts";
import { connectMaster } from "./bus/connect.ts";
import { watchDisk } from "./bus/disk-watch.ts";
import { watchRoom } from "./bus/room.ts";
import { ensureRecords, ensureStreams } from "./bus/streams.ts";
import { type BusUser, issueMasterUser, issueSystemUser } from "./bus/trust.ts";
import type { Control } from "./control.ts";
import { openEnrolDoor } from "./enrol/enrol-door.ts";
import { readKeyring } from "./keyring.ts";
import { instanceOf } from "./lead/instance.ts";
import { type Lead, takeLead } from "./lead/lead.ts";
import { levelKey } from "./lead/shared-key.ts";
import type { Connections, MasterOptions } from "./master-options.ts";
import { Installs } from "./netboot/installs.ts";
import { finishRekeys, openHelloDoor } from "./nodes/hello-door.ts";
import { Intake } from "./nodes/intake.ts";
import { isDoneWithin } from "./patience.ts";
import { Store } from "./store/store.ts";
import { takeUpWork } from "./take-up-work.ts";

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
    await control.store.started();
    openEnrolDoor(bus, control);
    openHelloDoor(bus, control);
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
  const store = await Store.open(bus, readKeyring(home).store, { replicated: true, starting: true });
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
  // It is asked who leads before anything is written.
  await store.started();
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
