/**
 * Open jobs go on, and only then what nodes returned is taken. A master whose
 * audit cannot be written answers who only reads meanwhile, and takes up its
 * work when it can record it.
 */
import { asBomaError } from "@boma/protocol";

import type { Jobs } from "./jobs/jobs.ts";
import type { Logger } from "./log.ts";
import type { Intake } from "./nodes/intake.ts";
import type { Store } from "./store/store.ts";

const AGAIN_MS = 1_000;

interface Parts {
  readonly jobs: Pick<Jobs, "resume">;
  readonly store: Pick<Store, "started">;
  readonly log: Pick<Logger, "error" | "info">;
}

/** Resolves when the work is taken up, or waits for the audit; returns what ends the waiting. */
export async function takeUpWork(
  { jobs, store, log }: Parts,
  intake: Pick<Intake, "start">,
): Promise<() => Promise<void>> {
  const work = async () => {
    await jobs.resume();
    // Whoever listens from here on must notice soon that a server has gone.
    await store.started();
    await intake.start();
  };
  if (await isDone(work)) return () => Promise.resolve();
  log.error({}, "open jobs wait, and so does what nodes return: the audit cannot be written");
  let timer: NodeJS.Timeout | undefined;
  let under: Promise<void> = Promise.resolve();
  const again = () => {
    timer = setTimeout(() => {
      under = isDone(work)
        .catch((error: unknown) => log.error({ error: String(error) }, "open jobs could not be taken up"))
        .then((done) => (done === true ? log.info({}, "open jobs go on") : again()));
    }, AGAIN_MS);
  };
  again();
  return async () => {
    clearTimeout(timer);
    await under;
    clearTimeout(timer);
  };
}

async function isDone(work: () => Promise<void>): Promise<boolean> {
  try {
    await work();
    return true;
  } catch (thrown) {
    if (asBomaError(thrown).code === "audit/unwritable") return false;
    throw thrown;
  }
}
