/** How full each stream is, for whoever looks after the master. */
import type { JetStreamManager } from "@nats-io/jetstream";

export interface StreamFill {
  readonly name: string;
  readonly messages: number;
  readonly bytes: number;
  readonly bytesMax: number;
  /** Full, it refuses what is new; the others drop what is oldest. */
  readonly refuses: boolean;
  readonly oldestAt?: number;
}

export async function streamFills(manager: JetStreamManager): Promise<StreamFill[]> {
  const fills: StreamFill[] = [];
  for await (const { config, state } of manager.streams.list())
    fills.push({
      name: config.name,
      messages: state.messages,
      bytes: state.bytes,
      bytesMax: config.max_bytes,
      refuses: config.discard === "new",
      ...(state.messages > 0 && { oldestAt: Date.parse(state.first_ts) }),
    });
  return fills;
}
