/**
 * How much each node may add to the stream of events, which is bounded and lets
 * go of the oldest: one that tells without end would take from everybody what
 * they have not read yet. What is beyond waits in the inbox, where a node has
 * its share too; when that is full the node itself is refused, and keeps it.
 */

/** More than an agent keeps while it is cut off, so that all of it goes at once. */
const HELD_BYTES = 16 * 1024 * 1024;
const BYTES_PER_SECOND = 16 * 1024;

interface Share {
  left: number;
  at: number;
  /** That it waits is said once for each time. */
  isLate: boolean;
}

export class EventShares {
  readonly #shares = new Map<string, Share>();
  readonly #now: () => number;
  readonly #late: (node: string) => void;

  constructor(late: (node: string) => void, now: () => number = () => performance.now()) {
    this.#late = late;
    this.#now = now;
  }

  /** `false` where the node has to wait. */
  take(node: string, bytes: number): boolean {
    const now = this.#now();
    const share = this.#shares.get(node) ?? { left: HELD_BYTES, at: now, isLate: false };
    this.#shares.set(node, share);
    share.left = Math.min(HELD_BYTES, share.left + ((now - share.at) / 1000) * BYTES_PER_SECOND);
    share.at = now;
    if (share.left >= bytes) {
      share.left -= bytes;
      if (share.left > HELD_BYTES / 2) share.isLate = false;
      return true;
    }
    if (!share.isLate) this.#late(node);
    share.isLate = true;
    return false;
  }
}
