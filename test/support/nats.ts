/**
 * A real bus for tests: a nats-server under boma's own supervision, in its own
 * directory and on its own port, with every kind of user that there is.
 *
 *   await using bus = await startTestBus();
 *   const agent = await bus.agent();
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { answerNonce, issueScopedUser, newNkey, nkeyFromSeed, type Nkey } from "@boma/protocol";
import { jetstreamManager } from "@nats-io/jetstream";
import { connect, type ConnectionOptions, type NatsConnection } from "nats";

import { serverTrust } from "../../packages/master/src/bus/accounts.ts";
import { connectMaster } from "../../packages/master/src/bus/connect.ts";
import {
  findNatsServer,
  inspectProgram,
  type NatsProgram,
  programsNamed,
} from "../../packages/master/src/bus/program.ts";
import { EmbeddedServer, type ServerState } from "../../packages/master/src/bus/server.ts";
import { ensureStreams, storageBytesMax, STREAMS } from "../../packages/master/src/bus/streams.ts";
import { type Certificate, createCa, issueServerCertificate } from "../../packages/master/src/bus/tls.ts";
import {
  type BusTrust,
  createBusTrust,
  enrolKit,
  issueAgentCredential,
  issueMasterUser,
  issueOperatorCredential,
  issueSystemUser,
} from "../../packages/master/src/bus/trust.ts";

export const nameOf = (program: NatsProgram): string => `nats-server ${program.version.join(".")}`;

/**
 * The servers that bus tests run on: the one that boma would take, and newer
 * ones named by BOMA_NATS_SERVER_NEW or found as `nats-server-new` or further
 * down the PATH.
 */
async function discover(): Promise<readonly NatsProgram[]> {
  const usual = await findNatsServer();
  const named = process.env["BOMA_NATS_SERVER_NEW"];
  const others = named
    ? [named]
    : [...(await programsNamed("nats-server-new")), ...(await programsNamed("nats-server"))];
  const programs = new Map<string, NatsProgram>();
  if (usual) programs.set(usual.version.join("."), usual);
  for (const path of others) {
    const program = await inspectProgram(path).catch(() => undefined);
    const version = program?.version.join(".");
    if (program && version && !programs.has(version)) programs.set(version, program);
  }
  return [...programs.values()];
}

export const serverPrograms: readonly NatsProgram[] = await discover();
if (serverPrograms.length === 0) throw new Error("no nats-server: run `node scripts/ensure-nats.ts`");
if (serverPrograms.length === 1)
  console.log(`bus tests: only ${nameOf(serverPrograms[0]!)} is here, so no newer one is tested`);

/** A user of the bus with its live connection, and what the server complained about. */
export interface TestUser {
  readonly nkey: Nkey;
  readonly key: string;
  readonly jwt: string;
  readonly connection: NatsConnection;
  /** The server's complaints so far, in its words. */
  readonly complaints: string[];
}

export interface TestBusOptions {
  readonly program?: NatsProgram;
  readonly tls?: boolean;
  readonly trust?: BusTrust;
}

export interface TestBus extends AsyncDisposable {
  readonly url: string;
  readonly dir: string;
  readonly trust: BusTrust;
  readonly server: EmbeddedServer;
  readonly states: readonly ServerState[];
  /** The authority's certificate when TLS is on. */
  readonly ca: string | undefined;
  ctrl(): Promise<NatsConnection>;
  sys(): Promise<NatsConnection>;
  agent(nkey?: Nkey, options?: ConnectionOptions): Promise<TestUser>;
  operator(nkey?: Nkey, options?: ConnectionOptions): Promise<TestUser>;
  /** A stranger with the image's enrolment kit. */
  enrolUser(nkey?: Nkey, options?: ConnectionOptions): Promise<TestUser>;
  /** Connects with any credential, such as a forged one. */
  connectAs(nkey: Nkey, jwt: string, options?: ConnectionOptions): Promise<TestUser>;
  /** Stops the server and leaves its store. */
  stop(): Promise<void>;
  /** Starts it again on the same store and port. */
  restart(): Promise<void>;
  /** SIGKILL, as a crash would; supervision brings it back. */
  kill(): void;
}

interface Tls {
  readonly ca: Certificate;
  readonly server: Certificate;
}

class Bus implements TestBus {
  readonly dir: string;
  readonly trust: BusTrust;
  readonly states: ServerState[] = [];
  readonly #program: NatsProgram | undefined;
  readonly #tls: Tls | undefined;
  readonly #connections = new Set<NatsConnection>();
  #server: EmbeddedServer | undefined;
  #port = 0;

  private constructor(dir: string, options: TestBusOptions, tls: Tls | undefined) {
    this.dir = dir;
    this.trust = options.trust ?? createBusTrust();
    this.#program = options.program;
    this.#tls = tls;
  }

  static async start(options: TestBusOptions): Promise<Bus> {
    const dir = await mkdtemp(join(tmpdir(), "boma-bus-"));
    const bus = new Bus(dir, options, options.tls ? await newTls() : undefined);
    try {
      await bus.restart();
      await ensureStreams(await bus.ctrl());
      return bus;
    } catch (error) {
      await bus[Symbol.asyncDispose]();
      throw error;
    }
  }

  get server(): EmbeddedServer {
    if (!this.#server) throw new Error("the test bus is stopped");
    return this.#server;
  }

  get url(): string {
    return this.server.url;
  }

  get ca(): string | undefined {
    return this.#tls?.ca.certificate;
  }

  async ctrl(): Promise<NatsConnection> {
    return this.#keep(await connectMaster(this.url, await issueMasterUser(this.trust), { ca: this.ca }));
  }

  async sys(): Promise<NatsConnection> {
    return this.#keep(await connectMaster(this.url, await issueSystemUser(this.trust), { ca: this.ca }));
  }

  async agent(nkey = newNkey.user(), options: ConnectionOptions = {}): Promise<TestUser> {
    const jwt = await issueAgentCredential(this.trust, { name: "agent", publicKey: nkey.publicKey });
    return this.connectAs(nkey, jwt, options);
  }

  async operator(nkey = newNkey.user(), options: ConnectionOptions = {}): Promise<TestUser> {
    const jwt = await issueOperatorCredential(this.trust, { name: "operator", publicKey: nkey.publicKey });
    return this.connectAs(nkey, jwt, options);
  }

  async enrolUser(nkey = newNkey.user(), options: ConnectionOptions = {}): Promise<TestUser> {
    const { accountPublicKey, scopedSigningSeed } = enrolKit(this.trust);
    const account = { publicKey: accountPublicKey, signer: nkeyFromSeed(scopedSigningSeed) };
    const jwt = await issueScopedUser({ name: "enrol", publicKey: nkey.publicKey }, account, 600_000);
    return this.connectAs(nkey, jwt, options);
  }

  async connectAs(nkey: Nkey, jwt: string, options: ConnectionOptions = {}): Promise<TestUser> {
    const connection = await connect({
      servers: this.url,
      authenticator: answerNonce(nkey, () => jwt),
      inboxPrefix: `_INBOX.${nkey.publicKey}`,
      reconnect: false,
      timeout: 5_000,
      ...(this.ca === undefined ? {} : { tls: { ca: this.ca } }),
      ...options,
    });
    this.#keep(connection);
    const complaints: string[] = [];
    void (async () => {
      for await (const status of connection.status())
        if (status.type === "error") complaints.push(status.error.message);
    })();
    return { nkey, key: nkey.publicKey, jwt, connection, complaints };
  }

  async stop(): Promise<void> {
    await this.#server?.stop();
    this.#server = undefined;
  }

  async restart(): Promise<void> {
    await this.stop();
    this.#server = await EmbeddedServer.start({
      dir: this.dir,
      host: "127.0.0.1",
      port: this.#port,
      trust: await serverTrust(this.trust),
      storageBytesMax: storageBytesMax(),
      tls: this.#tls?.server,
      program: this.#program,
      onState: (state) => this.states.push(state),
    });
    this.#port = this.#server.port;
  }

  kill(): void {
    process.kill(this.server.pid!, "SIGKILL");
  }

  #keep(connection: NatsConnection): NatsConnection {
    this.#connections.add(connection);
    return connection;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([...this.#connections].map((connection) => connection.close().catch(() => undefined)));
    await this.stop();
    await rm(this.dir, { recursive: true, force: true });
  }
}

async function newTls(): Promise<Tls> {
  const ca = await createCa();
  return { ca, server: await issueServerCertificate(ca, { dns: ["localhost"], ips: ["127.0.0.1"] }) };
}

export const startTestBus = (options: TestBusOptions = {}): Promise<TestBus> => Bus.start(options);

/** How long something that must not happen is waited for, after the server has answered all else. */
export const SETTLE_MS = 150;

/** Does the server let this user publish there? It complains before it answers the flush. */
export async function mayPublish(user: TestUser, subject: string, reply?: string): Promise<boolean> {
  const before = user.complaints.length;
  user.connection.publish(subject, "probe", reply === undefined ? {} : { reply });
  await user.connection.flush();
  await new Promise(setImmediate);
  return user.complaints.length === before;
}

export async function maySubscribe(user: TestUser, subject: string, queue?: string): Promise<boolean> {
  const before = user.complaints.length;
  const subscription = user.connection.subscribe(subject, {
    callback: () => {},
    ...(queue ? { queue } : {}),
  });
  await user.connection.flush();
  await new Promise(setImmediate);
  const allowed = user.complaints.length === before;
  subscription.unsubscribe();
  return allowed;
}

/** The last sequence number of every stream: whatever is written anywhere shows here. */
export async function sequences(control: NatsConnection): Promise<Readonly<Record<string, number>>> {
  const { streams } = await jetstreamManager(control, { checkAPI: false });
  const infos = await Promise.all(STREAMS.map((name) => streams.info(name)));
  return Object.fromEntries(infos.map(({ config, state }) => [config.name, state.last_seq]));
}
