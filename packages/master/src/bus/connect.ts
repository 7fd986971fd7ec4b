/** The master's own connections: one into CTRL, one into the system account. */
import { checkServerIdentity } from "node:tls";

import { answerNonce, BomaError, pinnedTls } from "@boma/protocol";
import { connect, errors, type NatsConnection, type TlsOptions } from "nats";

import { isPlainLoopback } from "./loopback.ts";
import type { BusUser } from "./trust.ts";
import { writeTogether } from "./write-together.ts";

export interface ConnectOptions {
  /** The pinned authority, PEM. Without it only loopback is spoken to in plain. */
  readonly ca?: string | undefined;
  readonly name?: string | undefined;
}

const CONNECT_MS_MAX = 10_000;
const PING_MS = 30_000;
const RECONNECT_MS = 500;

/**
 * TLS is demanded, not merely used: a client with these options hangs up on a
 * server that does not offer it, before it has sent its credential.
 */
function tlsOf(servers: readonly string[], ca: string | undefined): TlsOptions | undefined {
  if (ca !== undefined) return pinnedTls(ca, servers, checkServerIdentity);
  return servers.every(isPlainLoopback) ? undefined : {};
}

function refused(error: unknown): boolean {
  return (
    error instanceof errors.AuthorizationError ||
    error instanceof errors.UserAuthenticationExpiredError ||
    (error instanceof Error && error.cause !== undefined && refused(error.cause))
  );
}

/** What a failed connect means to boma. */
export function connectError(error: unknown, url: string): BomaError {
  if (error instanceof BomaError) return error;
  const why = error instanceof Error ? error.message : String(error);
  return refused(error)
    ? new BomaError("bus/refused", `${url} refused the credential: ${why}`, { cause: error })
    : new BomaError("bus/unreachable", `${url} cannot be reached: ${why}`, { cause: error });
}

/**
 * Connects, or says at once why it cannot; once connected, it comes back for
 * ever. Several servers of a cluster are separated by commas.
 */
export async function connectMaster(
  url: string,
  user: BusUser,
  options: ConnectOptions = {},
): Promise<NatsConnection> {
  const servers = url.split(",").map((server) => server.trim());
  try {
    const tls = tlsOf(servers, options.ca);
    const connection = await connect({
      servers,
      name: options.name ?? "boma-master",
      authenticator: answerNonce(user.nkey, () => user.jwt),
      inboxPrefix: `_INBOX.${user.nkey.publicKey}`,
      timeout: CONNECT_MS_MAX,
      pingInterval: PING_MS,
      maxReconnectAttempts: -1,
      reconnectTimeWait: RECONNECT_MS,
      // The library would take a stack trace at each request, in case it fails.
      noAsyncTraces: true,
      // Two refusals in a row would otherwise close the connection for good, and a restarting server refuses while it loads.
      ignoreAuthErrorAbort: true,
      ...(tls ? { tls } : {}),
    });
    return writeTogether(connection);
  } catch (error) {
    throw connectError(error, url);
  }
}
