/** What passes by itself while a bus or a master is away, and what may be asked for again then. */
import { BomaError, ExitCode, type Verb } from "@boma/protocol";

/** A leader is missed after eight seconds, and its successor reads what there is. */
export const AWAY_MS_MAX = 20_000;
/** Servers of a bus that have lost one choose another leader. */
const ELECTION_MS_MAX = 10_000;
const AGAIN_MS = 500;

/** What was asked for may have been done or not, and no answer will come: whoever can asks again. */
export class FeedBroken extends BomaError {
  /** Who is not there again within this time is not coming. */
  readonly withinMs: number;

  constructor(message: string, withinMs = AWAY_MS_MAX) {
    super("master/unreachable", message);
    this.withinMs = withinMs;
  }
}

/** A credential that was revoked does not come back by itself; and a master that says its bus is full is there. */
export const isOutage = (error: unknown): error is BomaError =>
  error instanceof BomaError &&
  error.exit === ExitCode.unreachable &&
  error.code !== "bus/refused" &&
  error.code !== "bus/full";

/** Those that change nothing. Who follows events asks again by itself, from where it stands. */
const READING: ReadonlySet<Verb> = new Set<Verb>([
  "master.status",
  "nodes.list",
  "nodes.grains",
  "target.resolve",
  "job.list",
  "lease.list",
  "plan.list",
  "catalog.list",
  "catalog.show",
  "catalog.diff",
  "enroll.list",
  "token.list",
  "join-key.list",
  "netboot.status",
  "operator.list",
  "secret.list",
  "subscriber.list",
  "notify.list",
  "notify.dead",
  "drift.list",
  "terraform.list",
  "terraform.plans",
  "terraform.show",
  "profile.list",
  "profile.explain",
  "reactor.list",
  "audit.copies",
  "audit.heads",
  "audit.status",
]);

export const mayBeAskedAgain = (verb: Verb): boolean => READING.has(verb);

/**
 * Again, from the first break on, for as long as that may last. An answer may be lost as the request
 * was, so the next one is waited for less long.
 */
export async function overBreaks<T>(ask: (isAgain: boolean) => Promise<T>): Promise<T> {
  let end: number | undefined;
  for (;;)
    try {
      return await ask(end !== undefined);
    } catch (error) {
      if (!isOutage(error)) throw error;
      const withinMs = error instanceof FeedBroken ? error.withinMs : busWithinMs(error);
      if (withinMs > 0) end ??= performance.now() + withinMs;
      if (end === undefined || performance.now() > end) throw error;
      await new Promise((resolve) => setTimeout(resolve, AGAIN_MS));
    }
}

/** Said by a master whose bus does not answer it, and by ourselves where the line does not come back at once. */
const busWithinMs = ({ code }: BomaError): number => (code === "bus/unreachable" ? ELECTION_MS_MAX : 0);
