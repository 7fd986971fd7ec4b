/**
 * One agent: identity, enrolment, connection, hello, mailbox, jobs, and an
 * orderly end. Everything that it touches comes in by its options, so that
 * thousands of agents may live in one process.
 */
import { join } from "node:path";

import { asBomaError, BomaError, newSession, type NodeEventBody } from "@boma/protocol";
import type { AgentStatus } from "@boma/states/core";

import type { AgentOptions } from "./agent-options.ts";
import { type AgentParts, assembleParts } from "./agent-parts.ts";
import { type Bus, lateBus } from "./bus.ts";
import { hardwareClaims } from "./claims.ts";
import { MasterTime, systemClock } from "./clock.ts";
import { complaints } from "./complaints.ts";
import { type Connection, openConnection } from "./connection.ts";
import type { EnrolPorts } from "./enrol.ts";
import { messageOf } from "./files.ts";
import { sayHello } from "./hello.ts";
import { letIn } from "./let-in.ts";
import { processIdentity } from "./lock.ts";
import { type Log, silentLog } from "./log.ts";
import { Session } from "./session.ts";
import { type AgentState, type StatusRecord, statusWriter } from "./status.ts";
import { backoff, pause } from "./wait.ts";

const JOBS_STOP_MS = 4_000;
const OUTBOX_STOP_MS = 2_000;
const LIFE_STOP_MS = 500;
const LOOK_MS = 100;

export class Agent {
  readonly #options: AgentOptions;
  readonly #log: Log;
  readonly #random: () => number;
  readonly #time: MasterTime;
  readonly #session = newSession();
  readonly #living = new AbortController();
  readonly #ready = Promise.withResolvers<string>();
  readonly #writeStatus: (record: StatusRecord) => Promise<void>;
  readonly #startedAt: number;
  #parts: AgentParts | undefined;
  #current: Session | undefined;
  #connection: Connection | undefined;
  #credentialUsed: string | undefined;
  #refused = false;
  #state: AgentState = "stopped";
  #stateSince = 0;
  #lastHello: number | undefined;
  #waitReason: string | undefined;
  #busy = false;
  #processStart = "";
  #isReady = false;
  #life: Promise<void> | undefined;
  #stopped: Promise<void> | undefined;

  constructor(options: AgentOptions) {
    this.#options = options;
    this.#log = options.log ?? silentLog;
    this.#random = options.random ?? Math.random;
    this.#time = new MasterTime(options.clock ?? systemClock);
    this.#startedAt = this.#time.steady();
    this.#writeStatus = options.statusFile === false ? () => Promise.resolve() : statusWriter(options.dir);
    this.#ready.promise.catch(() => undefined);
  }

  /** Resolves with the node's id when it is enrolled, connected, welcomed and has read its mailbox. */
  get ready(): Promise<string> {
    return this.#ready.promise;
  }
  get state(): AgentState {
    return this.#state;
  }
  get key(): string {
    return this.#own.identity.key;
  }
  get id(): string {
    return this.#own.identity.id;
  }
  get fingerprint(): string {
    return this.#own.identity.fingerprint;
  }

  /** Sets up what is local, and throws where that cannot be; the rest goes on in the background until `stop`. */
  async start(): Promise<void> {
    this.#parts = await assembleParts(this.#options, {
      log: this.#log,
      random: this.#random,
      time: this.#time,
      onGrains: () => this.#current?.publishGrains(),
      onWork: () => this.#noteWork(),
      status: () => this.status(),
      bus: lateBus((signal) => this.#connected(signal)),
      reach: (signal) => this.#reachAnew(signal),
    });
    this.#processStart = (await processIdentity(process.pid))?.start ?? "";
    if (this.#options.installing) void this.#parts.states.keepOut("the installation", this.#living.signal);
    await this.#parts.schedules.start();
    await this.#parts.beacons.start();
    this.#parts.drift.start();
    this.#parts.maintenance.start();
    this.#life = this.#live().catch((thrown: unknown) => {
      this.#log.error({ error: messageOf(thrown) }, "the agent broke");
      this.#ready.reject(asBomaError(thrown));
    });
  }

  get #own(): AgentParts {
    if (!this.#parts) throw new BomaError("internal", "the agent was not started");
    return this.#parts;
  }

  /** Each turn is one connection: let in, connected, served until it ends. */
  async #live(): Promise<void> {
    const { signal } = this.#living;
    const waits = backoff({ firstMs: 500, lastMs: 60_000, random: this.#random });
    const reset = (): void => waits.reset();
    while (!signal.aborted) {
      try {
        if (this.#refused || !this.#own.identity.approved) await this.#knock();
        if (signal.aborted) return;
        await this.#serve(await this.#connect(), reset);
      } catch (thrown) {
        const error = asBomaError(thrown);
        if (!this.#own.ways.takeOther() && error.code === "bus/refused") this.#refused = true;
        this.#log.warn({ error: error.message, code: error.code }, "not connected");
        this.#turn("disconnected", error.message);
      }
      if (!signal.aborted) await pause(waits.next(), signal);
    }
  }

  async #knock(): Promise<void> {
    const { identity, feed, kit } = this.#own;
    const { signal } = this.#living;
    this.#turn("enrolling");
    const { version, token, hardware } = this.#options;
    const asking = {
      kit: identity.kit ?? kit,
      id: identity.id,
      agentVersion: version,
      claims: async () => {
        const { grains } = await feed.refresh();
        return hardwareClaims(grains, await hardware?.());
      },
      token,
    };
    if (await letIn(identity, asking, this.#enrolPorts(), { signal, log: this.#log })) this.#refused = false;
  }

  #enrolPorts(): EnrolPorts {
    const { trust, identity } = this.#own;
    return {
      trust,
      time: this.#time,
      random: this.#random,
      refusedPauseMs: this.#options.refusedPauseMs,
      onAnswer: (answer) => {
        if (answer.status === "approved") return;
        const reason = answer.reason === undefined ? answer.status : `${answer.status}: ${answer.reason}`;
        if (reason === this.#waitReason) return;
        this.#turn("waiting", reason);
        this.#options.onEnrolPending?.(identity.fingerprint, answer);
      },
      onFailure: (thrown, waitMs) => {
        this.#log.warn(
          { error: messageOf(thrown), waitMs: Math.round(waitMs) },
          "the master cannot be asked to let this node in",
        );
        this.#turn("enrolling", messageOf(thrown));
      },
    };
  }

  async #connect(): Promise<Connection> {
    const { identity, ways } = this.#own;
    this.#turn("connecting");
    const connection: Connection = await openConnection({
      kit: ways.kit,
      nkey: identity.keys.nkey,
      name: `boma-agent ${identity.id}`,
      reconnectMs: this.#options.reconnectMs,
      credential: () => (this.#credentialUsed = ways.credential),
      onStatus: (status) => {
        if (status === "connected") this.#current?.greet();
        else this.#turn("disconnected");
      },
      onRefused: () => {
        // One that ran out while the next one lies ready needs no enrolment: the reconnect will use that.
        if (ways.credential !== this.#credentialUsed) return;
        this.#refused = true;
        void connection.close();
      },
    });
    return this.#options.line?.(connection) ?? connection;
  }

  async #serve(connection: Connection, onWelcome: () => void): Promise<void> {
    if (this.#living.signal.aborted) return connection.close();
    const { identity, ways, trust, journal, jobs, outbox, feed, letters, tell } = this.#own;
    this.#connection = connection;
    const refused = complaints(
      (body) => {
        this.#log.warn(body.data, "a message was refused");
        tell(body);
      },
      () => this.#time.steady(),
    );
    const session = new Session({
      connection,
      ways,
      identity,
      trust,
      time: this.#time,
      journal,
      jobs,
      outbox,
      feed,
      letters,
      refused,
      log: this.#log,
      random: this.#random,
      facts: this.#facts,
      onWelcome: () => {
        onWelcome();
        this.#welcomed();
      },
    });
    this.#current = session;
    session.start();
    await connection.closed;
    session.end();
    if (this.#refused) this.#log.warn({}, "the bus refused this node's credential");
    this.#turn("disconnected");
  }

  get #facts() {
    return {
      session: this.#session,
      bootId: this.#options.bootId ?? "",
      agentVersion: this.#options.version,
    };
  }

  /** The bus of the present connection; waits for one where there is none. */
  async #connected(signal: AbortSignal): Promise<Bus> {
    for (;;) {
      signal.throwIfAborted();
      if (this.#connection && this.#current) {
        await this.#connection.bus.connected(signal);
        return this.#connection.bus;
      }
      await pause(LOOK_MS, signal);
    }
  }

  /** A connection of its own, made now: that an old one still lives proves nothing. */
  async #reachAnew(signal: AbortSignal): Promise<void> {
    const { identity, ways, trust, feed } = this.#own;
    const connection = await openConnection({
      kit: ways.kit,
      nkey: identity.keys.nkey,
      name: `boma-agent ${identity.id} (confirms)`,
      credential: () => ways.credential,
    });
    try {
      signal.throwIfAborted();
      const ports = { bus: connection.bus, ways, identity, trust, time: this.#time };
      await sayHello(ports, { ...this.#facts, grains: feed.current.revision });
    } finally {
      await connection.close();
    }
    // The way there may have changed: the old connection would learn of it after minutes of silence.
    void this.#connection?.probe();
  }

  #welcomed(): void {
    const { identity, journal, jobs, resumable, tell } = this.#own;
    this.#lastHello = this.#time.now();
    this.#turn("connected");
    if (this.#isReady) return;
    this.#isReady = true;
    tell({ kind: "node.started", data: { version: this.#options.version, start: identity.start } });
    if (journal.corrupt) {
      this.#log.error({}, "the journal is damaged: every job is refused until it is moved aside");
      tell({
        kind: "node.journal-corrupt",
        data: { path: join(this.#options.dir, "journal"), bytes: journal.bytes },
      });
    }
    for (const record of resumable) if (journal.stateOf(record.job) === "started") jobs.recover(record);
    this.#ready.resolve(identity.id);
    this.#options.onReady?.(identity.id);
  }

  #turn(state: AgentState, reason?: string): void {
    if (this.#state !== state) {
      this.#stateSince = this.#time.now();
      this.#log.info({ id: this.#own.identity.id }, state);
    }
    const said = this.#state;
    this.#state = state;
    this.#waitReason = reason;
    void this.#writeStatus(this.#record());
    if (said !== state) this.#options.onState?.(state);
  }

  /** Whoever wants to restart the agent may wait until nothing is cut off by it. */
  #noteWork(): void {
    if (!this.#parts) return;
    const { jobs, schedules, states } = this.#parts;
    const busy = !jobs.isIdle || !schedules.isIdle || states.holders.length > 0;
    if (busy === this.#busy) return;
    this.#busy = busy;
    void this.#writeStatus(this.#record());
  }

  #record(): StatusRecord {
    const { identity } = this.#own;
    return {
      state: this.#state,
      id: identity.id,
      node: identity.key,
      fingerprint: identity.fingerprint,
      master: this.#connection?.server ?? identity.servers.join(","),
      version: this.#options.version,
      since: new Date(this.#stateSince).toISOString(),
      ...(this.#lastHello !== undefined && { lastHello: new Date(this.#lastHello).toISOString() }),
      ...(this.#waitReason !== undefined && { reason: this.#waitReason }),
      busy: this.#busy,
      pid: process.pid,
      start: this.#processStart,
    };
  }

  /** Tells the master what happened on this machine beside the agent. */
  tell(event: NodeEventBody): void {
    this.#own.tell(event);
  }

  status(): AgentStatus {
    const { identity, jobs, journal } = this.#own;
    return {
      id: identity.id,
      version: this.#options.version,
      node: identity.key,
      pid: process.pid,
      uptimeMs: Math.round(this.#time.steady() - this.#startedAt),
      rssBytes: process.memoryUsage.rss(),
      running: jobs.running,
      queued: jobs.queued,
      journalBytes: journal.bytes,
      clockOffsetMs: Math.round(this.#time.offsetMs),
      confined: this.#options.confined ?? false,
    };
  }

  /** Takes no more, ends what runs after the patience, hands over what it can in a short while, and leaves. */
  stop(patienceMs = 0): Promise<void> {
    this.#stopped ??= this.#stop(patienceMs);
    return this.#stopped;
  }

  async #stop(patienceMs: number): Promise<void> {
    if (!this.#parts) return;
    const { drift, feed, jobs, journal, lock, maintenance, outbox, schedules, tell, events, beacons } =
      this.#own;
    feed.stop();
    this.#current?.end();
    await schedules.stop();
    await beacons.stop();
    await drift.stop();
    await maintenance.stop();
    await jobs.stop(JOBS_STOP_MS, patienceMs);
    tell({ kind: "node.stopping", data: {} });
    // What cannot go out now is on the disk.
    await outbox.drain(OUTBOX_STOP_MS, this.#state === "connected" ? events.idle() : undefined);
    this.#living.abort();
    await this.#connection?.close();
    // A dial to a host that does not answer cannot be ended; what comes of it is closed at once.
    await Promise.race([this.#life, pause(LIFE_STOP_MS, new AbortController().signal)]);
    await journal.close();
    await events.close();
    this.#turn("stopped");
    await this.#writeStatus(this.#record());
    await lock.release();
    this.#ready.reject(new BomaError("internal", "the agent was stopped before it was ready"));
  }
}
