/** What the master concludes about a node that has not said itself how it ended. */
import type { Ending, FinalStatus } from "./course.ts";

const ending = (status: FinalStatus, code: string, message: string, hint?: string): Ending => ({
  status,
  error: { code, message, ...(hint !== undefined && { hint }) },
});
export const offlineEnding = ending(
  "offline",
  "node/offline",
  "the node is not connected",
  "`--expire 1h` lets a job wait for it.",
);
export const silentEnding = ending(
  "timeout",
  "node/not-answering",
  "the node is connected, but does not answer",
  "Its agent hangs, or the machine is overloaded: look at it there.",
);
export const lostEnding = ending(
  "timeout",
  "node/lost",
  "the node lost its connection and did not come back in time",
  "Look at the machine; should it return, an event `job.late` tells what became of the job.",
);
export const overdueEnding = ending(
  "timeout",
  "job/timeout",
  "the node began, and did not return in time",
  "Give it more with `--timeout`; an event `job.late` tells when it returns after all.",
);
export const expiredEnding = ending(
  "expired",
  "job/expired",
  "the node did not connect before the job expired",
  "Run it again when the node is back, or give it longer with `--expire`.",
);
export const cancelledEnding: Ending = { status: "cancelled" };
export const failedEnding = (code: string, message: string): Ending => ending("failed", code, message);
export const stoppedEnding = (failures: number, maxFail: number): Ending =>
  ending("cancelled", "job/stopped", `not begun: ${failures} nodes failed, and --max-fail is ${maxFail}`);
