/** What the master concludes about a node that has not said itself how it ended. */
import { codes, type ErrorCode } from "@boma/protocol";

import type { Ending, FinalStatus } from "./course.ts";

const ending = (status: FinalStatus, code: ErrorCode, message: string, hint = codes[code].hint): Ending => ({
  status,
  error: { code, message, hint },
});
export const offlineEnding = ending("offline", "node/offline", "the node is not connected");
export const silentEnding = ending(
  "timeout",
  "node/not-answering",
  "the node is connected, but does not answer",
);
export const lostEnding = ending(
  "timeout",
  "node/lost",
  "the node lost its connection and did not come back in time",
);
export const overdueEnding = ending("timeout", "job/timeout", "the node began, and did not return in time");
export const expiredEnding = ending(
  "expired",
  "job/expired",
  "the node did not connect before the job expired",
);
export const cancelledEnding: Ending = { status: "cancelled" };
export const failedEnding = (code: ErrorCode, message: string): Ending => ending("failed", code, message);
export const refusedEnding = (code: ErrorCode, message: string, hint?: string): Ending =>
  ending("refused", code, message, hint);
export const stoppedEnding = (failures: number, maxFail: number): Ending =>
  ending("cancelled", "job/stopped", `not begun: ${failures} nodes failed, and --max-fail is ${maxFail}`);
export const leaseEnding = (domain: string, by: string | undefined, reason: string): Ending =>
  ending(
    "timeout",
    "lease/ended",
    `its lease of ${domain} was ended${by === undefined ? "" : ` by ${by}`}: ${reason}`,
  );
