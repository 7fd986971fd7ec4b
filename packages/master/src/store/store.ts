import { asBomaError, BomaError } from "@boma/protocol";
/** The streams of the CTRL account as the master uses them: the only truth of the control plane. */
import { type JetStreamClient, type JetStreamManager, jetstream, jetstreamManager } from "@nats-io/jetstream";
import { type NatsConnection } from "nats";

export const STREAM = {
  mailbox: "MAILBOX",
  inbox: "INBOX",
  jobs: "JOBS",
  events: "EVENTS",
  records: "RECORDS",
} as const;

export interface Stored {
  readonly subject: string;
  readonly sequence: number;
  readonly data: Uint8Array;
  readonly time: Date;
}

/** Somebody else wrote first: read again, decide again. */
export class WriteConflict extends Error {
  override readonly name = "WriteConflict";
}

const WRONG_LAST_SEQUENCE = 10071;

export class Store {
  readonly js: JetStreamClient;
  readonly manager: JetStreamManager;
  /** Seals what is written and authenticates what is read. */
  readonly key: Uint8Array;

  private constructor(manager: JetStreamManager, js: JetStreamClient, key: Uint8Array) {
    this.manager = manager;
    this.js = js;
    this.key = key;
  }

  static async open(connection: NatsConnection, key: Uint8Array): Promise<Store> {
    return new Store(await jetstreamManager(connection, { checkAPI: false }), jetstream(connection), key);
  }

  /** Writes and waits until the server has it. With `after`, only if nobody wrote since that sequence. */
  async put(
    subject: string,
    data: Uint8Array,
    options: { after?: number; id?: string } = {},
  ): Promise<number> {
    const { after, id } = options;
    for (let attempt = 1; ; attempt++) {
      try {
        const ack = await this.js.publish(subject, data, {
          ...(id !== undefined && { msgID: id }),
          ...(after !== undefined && { expect: { lastSubjectSequence: after } }),
          retries: 0,
          timeout: 5000,
        });
        return ack.seq;
      } catch (thrown) {
        if (isConflict(thrown)) throw new WriteConflict(subject, { cause: thrown });
        if (attempt === PUT_ATTEMPTS)
          throw new BomaError("bus/unreachable", `the store did not take ${subject}`, { cause: thrown });
        // A conditional write that was repeated may meet itself; then the conflict is its own success, and the reader finds out.
        await new Promise((resolve) => setTimeout(resolve, 100 * 2 ** attempt));
      }
    }
  }

  async last(stream: string, subject: string): Promise<Stored | undefined> {
    const found = await this.manager.direct.getMessage(stream, { last_by_subj: subject });
    return found ? { subject, sequence: found.seq, data: found.data, time: found.time } : undefined;
  }

  /** Everything that a stream holds for a filter, oldest first, from a sequence or a time on. */
  async *replay(
    stream: string,
    filter: string,
    from: { sequence?: number; since?: Date } = {},
  ): AsyncGenerator<Stored> {
    const consumer = await this.js.consumers.get(stream, {
      filter_subjects: filter,
      ...(from.sequence !== undefined && {
        deliver_policy: "by_start_sequence",
        opt_start_seq: from.sequence,
      }),
      ...(from.since && { deliver_policy: "by_start_time", opt_start_time: from.since.toISOString() }),
    });
    let { num_pending: pending } = await consumer.info(true);
    while (pending > 0) {
      const batch = await consumer.fetch({ max_messages: Math.min(pending, BATCH), expires: BATCH_MS });
      let taken = 0;
      for await (const message of batch) {
        taken += 1;
        pending = message.info.pending;
        yield { subject: message.subject, sequence: message.seq, data: message.data, time: message.time };
      }
      // A server may still count what was replaced after the reading began, and would never send it.
      if (taken === 0) return;
    }
  }

  /** Forgets a subject and all that matches it. */
  async purge(stream: string, filter: string): Promise<void> {
    await this.manager.streams.purge(stream, { filter });
  }
}

const PUT_ATTEMPTS = 5;
/** Messages that are read at once, and how long the rest of a batch is waited for. */
const BATCH = 1000;
const BATCH_MS = 1000;

function isConflict(thrown: unknown): boolean {
  const error = thrown as { code?: number; apiError?: () => { err_code?: number } };
  return error.code === WRONG_LAST_SEQUENCE || /wrong last sequence/.test(asBomaError(thrown).message);
}
