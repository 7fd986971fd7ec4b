/** What a bus says that has lost a server and chooses another leader: not a fault of whoever asked, and over in seconds. */
import { asBomaError, BomaError } from "@boma/protocol";
import { JetStreamApiError, JetStreamError } from "@nats-io/jetstream";

/** "JetStream system temporarily unavailable" and "peers unavailable". */
const UNAVAILABLE: ReadonlySet<number> = new Set([10005, 10008]);

/** By name: the client's parts each bring classes of their own. */
const TROUBLE = new Set(["TimeoutError", "RequestError", "NoRespondersError"]);

export const isTimeout = (thrown: unknown): boolean =>
  thrown instanceof Error && thrown.name === "TimeoutError";

export function isTrouble(thrown: unknown): boolean {
  if (!(thrown instanceof Error)) return false;
  if (thrown instanceof BomaError) return thrown.code === "internal" && isTrouble(thrown.cause);
  if (TROUBLE.has(thrown.name)) return true;
  if (thrown instanceof JetStreamApiError) return UNAVAILABLE.has(thrown.code);
  return thrown instanceof JetStreamError && /heartbeats missed|no responders/.test(thrown.message);
}

/** The same error, where it is one of the bus in the words of the bus. */
export function explained(thrown: unknown): BomaError {
  if (!isTrouble(thrown)) return asBomaError(thrown);
  const { message } = thrown as Error;
  return new BomaError("bus/unreachable", `the bus does not answer the master now: ${message}`, {
    cause: thrown,
  });
}
