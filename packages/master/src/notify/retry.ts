/** When what failed is tried again. */
import type { DeliveryRecord } from "./deliveries.ts";

const FACTOR = 4;
const WAIT_MS_MAX = 30 * 60_000;
/** A receiver that is back is noticed within this time. */
const PROBE_MS_MAX = 5 * 60_000;
/** Many that failed at once do not come back at once. */
const JITTER = 0.2;

export function backoffMs(
  firstMs: number,
  attempts: number,
  what: "delivery" | "probe" = "delivery",
): number {
  const most = what === "probe" ? PROBE_MS_MAX : WAIT_MS_MAX;
  const plain = Math.min(firstMs * FACTOR ** (attempts - 1), most);
  return Math.round(plain * (1 - JITTER + 2 * JITTER * Math.random()));
}

export interface Pace {
  readonly isDown: boolean;
  readonly probeAt: number;
  readonly recoveredAt: number;
  readonly now: number;
}

/**
 * Of the waiting ones, in their order, the next and when. While the receiver is down
 * it is the one that was tried the longest ago: one that nobody will ever take must not
 * stand in the way of those that would show that the receiver is back.
 */
export function nextDue(
  waiting: readonly DeliveryRecord[],
  { isDown, probeAt, recoveredAt, now }: Pace,
): { readonly delivery: DeliveryRecord; readonly at: number } | undefined {
  // What was tried in the future was tried before the clock was set back: no wait is told by it.
  const isDue = ({ triedAt }: DeliveryRecord): boolean => triedAt < recoveredAt || triedAt > now;
  if (isDown) {
    const delivery = least(waiting, ({ triedAt }) => triedAt);
    return delivery && { delivery, at: isDue(delivery) ? 0 : probeAt };
  }
  const dueAt = (waits: DeliveryRecord): number => (isDue(waits) ? 0 : waits.dueAt);
  const delivery = least(waiting, dueAt);
  return delivery && { delivery, at: dueAt(delivery) };
}

/** The first of those that have the least. */
function least(rows: readonly DeliveryRecord[], of: (row: DeliveryRecord) => number) {
  let best: DeliveryRecord | undefined;
  for (const row of rows) if (!best || of(row) < of(best)) best = row;
  return best;
}
