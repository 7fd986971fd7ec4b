/**
 * A server that is killed may forget that a message of the inbox was taken
 * away, and remember that it was acknowledged: it lies there for ever, offered
 * to nobody, and takes room from its node's share until that node is refused.
 */
import type { Store } from "../store/store.ts";
import { STREAM } from "../store/store.ts";

const EVERY_MS = 10_000;
/** What is offered and dealt with in the ordinary way is gone by then. */
const LEFT_MS = 15_000;

export interface LeftMessage {
  readonly seq: number;
  readonly subject: string;
  readonly data: Uint8Array;
  readonly timestamp: string;
  /** It may have been taken in before. */
  readonly redelivered: true;
}

interface Parts {
  readonly store: Store;
  readonly consumer: string;
  /** Deals with it as if it had been offered; `true` when it may go. */
  readonly take: (message: LeftMessage) => Promise<boolean>;
  readonly failed: (error: unknown) => void;
}

/** Looks for such messages now and then; what is given back ends it. */
export function sweepInbox(parts: Parts): () => void {
  let sweeping = false;
  const timer = setInterval(() => {
    if (sweeping) return;
    sweeping = true;
    void sweep(parts)
      .catch(parts.failed)
      .finally(() => (sweeping = false));
  }, EVERY_MS).unref();
  return () => clearInterval(timer);
}

async function sweep({ store, consumer, take }: Parts): Promise<void> {
  const { api, line } = store;
  const before = Date.now() - LEFT_MS;
  const quick = await api.streams.info(STREAM.inbox);
  if (quick.state.messages === 0 || Date.parse(quick.state.first_ts) > before) return;
  const { delivered } = await api.consumers.info(STREAM.inbox, consumer);
  // By number: a server that was killed does not always find the next one by its subject.
  const { state } = await api.streams.info(STREAM.inbox, { deleted_details: true });
  const gone = new Set(state.deleted);
  for (let seq = state.first_seq; seq <= Math.min(state.last_seq, delivered.stream_seq); seq++) {
    if (gone.has(seq)) continue;
    const left = await api.streams.getMessage(STREAM.inbox, { seq });
    if (!left) continue;
    if (left.time.getTime() > before) return;
    const { subject, data, time } = left;
    const message = { seq, subject, data, timestamp: time.toISOString(), redelivered: true } as const;
    const isTaken = await take(message);
    // A server that was killed meanwhile may have given the place to another message.
    if (store.line !== line) return;
    if (isTaken) await store.remove(STREAM.inbox, seq);
  }
}
