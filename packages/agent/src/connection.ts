/**
 * The real bus. The first connect is tried here, because the library tells
 * nothing while it waits for one; every later one is the library's, forever,
 * with a credential that is asked for at each attempt.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { checkServerIdentity } from "node:tls";

import { answerNonce, BomaError, type JoinKit, type Nkey, pinnedTls } from "@boma/protocol";
import { connect, type ConnectionOptions as NatsOptions, errors, headers, type NatsConnection } from "nats";

import type { Bus, BusMessage } from "./bus.ts";
import { messageOf } from "./files.ts";

const PING_MS = 30_000;
const DIAL_MS = 20_000;
const RECONNECT_MS = 2_000;
const PROBE_MS = 5_000;

export interface ConnectionOptions {
  readonly kit: JoinKit;
  readonly nkey: Nkey;
  readonly credential: () => string;
  readonly name: string;
  readonly reconnectMs?: number | undefined;
  readonly onStatus?: (status: "connected" | "disconnected") => void;
  /** The server does not take the credential; the library goes on trying with whatever `credential` gives. */
  readonly onRefused?: () => void;
}

export interface Connection {
  readonly bus: Bus;
  readonly server: string;
  /** Dials anew at once when the server does not answer: a network that was changed tells nobody that it is gone. */
  probe(): Promise<void>;
  /** Lets it fall, as a network does; what comes next is a reconnect. */
  drop(): void;
  /** Settles when the connection is over for good, whoever ended it. */
  readonly closed: Promise<void>;
  close(): Promise<void>;
}

/** The options that both doors share, the enrolling one and the agent's. */
export function busOptions(kit: JoinKit, key: string, reconnectMs = RECONNECT_MS): NatsOptions {
  return {
    servers: [...kit.servers],
    inboxPrefix: `_INBOX.${key}`,
    // Wide enough that a fleet which lost its server does not come back as one burst.
    reconnectTimeWait: reconnectMs,
    reconnectJitter: reconnectMs,
    reconnectJitterTLS: reconnectMs * 2,
    pingInterval: PING_MS,
    timeout: DIAL_MS,
    // The library would take a stack trace at each request, in case it fails.
    noAsyncTraces: true,
    // With `tls` set the client refuses a server that does not offer it, before any credential is sent.
    ...(kit.ca && { tls: pinnedTls(derToPem(kit.ca), kit.servers, checkServerIdentity) }),
  };
}

const derToPem = (der: Uint8Array): string =>
  `-----BEGIN CERTIFICATE-----\n${Buffer.from(der).toString("base64").replace(/.{64}/g, "$&\n")}\n-----END CERTIFICATE-----\n`;

/**
 * The library calls it a refusal as well when a server to which thousands return did not hear our answer in time.
 * It says nothing about the credential: whoever knocked anew for it would make the crowd larger.
 */
const LATE = /authentication timeout/i;

const isRefusal = (thrown: unknown): boolean =>
  (thrown instanceof errors.AuthorizationError && !LATE.test(thrown.message)) ||
  thrown instanceof errors.UserAuthenticationExpiredError;

/** Throws `bus/refused` when the server does not take the credential, and `bus/unreachable` for every other reason. */
export async function openConnection(options: ConnectionOptions): Promise<Connection> {
  const { kit, nkey, credential, name } = options;
  const connection = await dial({
    ...busOptions(kit, nkey.publicKey, options.reconnectMs),
    name,
    authenticator: answerNonce(nkey, credential),
    maxReconnectAttempts: -1,
    ignoreAuthErrorAbort: true,
  });
  let isConnected = true;
  let waiting = Promise.withResolvers<void>();
  waiting.resolve();
  const turn = (connected: boolean): void => {
    if (connected === isConnected) return;
    isConnected = connected;
    if (connected) waiting.resolve();
    else waiting = Promise.withResolvers<void>();
    options.onStatus?.(connected ? "connected" : "disconnected");
  };
  void watchStatus(connection, turn, options.onRefused);
  const bus = busOver(connection, { isConnected: () => isConnected, whenConnected: () => waiting.promise });
  return {
    bus,
    server: connection.getServer(),
    probe: () => probe(connection),
    drop: () => void (connection.isClosed() || connection.reconnect()),
    closed: connection.closed().then(() => turn(false)),
    close: () => connection.close(),
  };
}

async function probe(connection: NatsConnection): Promise<void> {
  const asked = new AbortController();
  const patience = sleep(PROBE_MS, false, { signal: asked.signal, ref: false }).catch(() => true);
  const answers = await Promise.race([
    connection.rtt().then(
      () => true,
      () => false,
    ),
    patience,
  ]);
  asked.abort();
  if (!answers && !connection.isClosed()) await connection.reconnect();
}

export async function dial(options: NatsOptions): Promise<NatsConnection> {
  try {
    return await connect(options);
  } catch (cause) {
    if (isRefusal(cause)) throw new BomaError("bus/refused", "the bus refused the credential", { cause });
    const servers = String(options.servers);
    throw new BomaError("bus/unreachable", `the bus at ${servers} cannot be reached: ${messageOf(cause)}`, {
      cause,
    });
  }
}

async function watchStatus(
  connection: NatsConnection,
  turn: (connected: boolean) => void,
  onRefused: (() => void) | undefined,
): Promise<void> {
  for await (const status of connection.status()) {
    if (status.type === "disconnect") turn(false);
    else if (status.type === "reconnect") turn(true);
    else if (status.type === "error" && isRefusal(status.error)) onRefused?.();
  }
}

function busOver(
  connection: NatsConnection,
  state: { isConnected: () => boolean; whenConnected: () => Promise<void> },
): Bus {
  return {
    async request(subject, data, { timeoutMs, headers: fields }): Promise<BusMessage> {
      // The library would keep it for the next connection while the caller has long given up.
      if (!state.isConnected()) throw new BomaError("bus/unreachable", "the bus is away");
      const sent = headers();
      for (const [name, value] of Object.entries(fields ?? {})) sent.set(name, value);
      const answer = await connection.request(subject, data, {
        timeout: timeoutMs,
        ...(fields && { headers: sent }),
      });
      return { data: answer.data, status: answer.headers?.code ?? 0 };
    },
    subscribe(subject, receive) {
      connection.subscribe(subject, { callback: (error, message) => void (error ?? receive(message.data)) });
    },
    async connected(signal) {
      const { promise, resolve } = Promise.withResolvers<void>();
      const stop = (): void => resolve();
      signal.addEventListener("abort", stop, { once: true });
      await Promise.race([state.whenConnected(), promise]);
      signal.removeEventListener("abort", stop);
    },
  };
}
