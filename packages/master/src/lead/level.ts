/** A stream of a cluster may be read from a copy that is behind: whoever comes to lead waits until the copies are level. */
import type { JetStreamManager } from "@nats-io/jetstream";

import { STREAMS } from "../bus/streams.ts";
import type { Logger } from "../log.ts";

const LOOK_MS = 200;
/** A server that cannot catch up must not keep the others from being led. */
const LEVEL_MS_MAX = 30_000;

export async function untilLevel(manager: JetStreamManager, log: Pick<Logger, "warn">): Promise<void> {
  const end = performance.now() + LEVEL_MS_MAX;
  for (;;) {
    const behind = await streamsBehind(manager);
    if (behind.length === 0) return;
    if (performance.now() >= end)
      return log.warn(
        { streams: behind },
        "a server of the cluster is behind for long; it is led all the same",
      );
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
  }
}

/** A server that is away is read by nobody. */
async function streamsBehind(manager: JetStreamManager): Promise<readonly string[]> {
  const behind = await Promise.all(
    STREAMS.map(async (name) => {
      const { cluster } = await manager.streams.info(name);
      const isBehind = cluster?.replicas?.some(
        ({ offline, current, lag }) => !offline && (!current || (lag ?? 0) > 0),
      );
      return isBehind ? [name] : [];
    }),
  );
  return behind.flat();
}
