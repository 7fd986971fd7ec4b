/** The streams of the CTRL account as the master uses them: the only truth of the control plane. */
import { asBomaError, BomaError, sameBytes } from "@boma/protocol";
import {
  type JetStreamClient,
  JetStreamApiError,
  type JetStreamManager,
  jetstream,
  jetstreamManager,
} from "@nats-io/jetstream";
import { type NatsConnection } from "nats";

import { isTimeout } from "../bus/trouble.ts";
import { isDoneWithin, STARTING_MS } from "../patience.ts";
import { Taking } from "./taking.ts";

export const STREAM = {
  mailbox: "MAILBOX",
  inbox: "INBOX",
  jobs: "JOBS",
  events: "EVENTS",
  records: "RECORDS",
  audit: "AUDIT",
  witness: "WITNESS",
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

/** A stream that takes nothing more, and why; or, without a reason, one that takes again. */
type RoomListener = (stream: string, refusal: string | undefined) => void;

export class Store {
  /** How much the streams that refuse can take still, as far as that was seen. */
  readonly #room = new Map<string, { left: number; readonly until: number }>();
  /** Seals what is written and authenticates what is read. */
  readonly key: Uint8Array;
  readonly taking = new Taking();
  readonly #connection: NatsConnection;
  readonly #full = new Set<string>();
  readonly #roomListeners = new Set<RoomListener>();

  readonly #options: StoreOptions;
  #asked: Asked;
  #line = 0;

  private constructor(
    connection: NatsConnection,
    asked: Asked,
    { key, options }: { readonly key: Uint8Array; readonly options: StoreOptions },
  ) {
    this.#connection = connection;
    this.#asked = asked;
    this.key = key;
    this.#options = options;
    void this.#followLine();
  }

  get js(): JetStreamClient {
    return this.#asked.js;
  }

  get api(): JetStreamManager {
    return this.#asked.api;
  }

  /** The master works from now on: whoever asks it is not to wait for a bus that does not answer. */
  async started(): Promise<void> {
    this.#asked = await askedOf(this.#connection);
  }

  /** Counts the times that the bus was lost and found again: a server that was killed may give a place to another message. */
  get line(): number {
    return this.#line;
  }

  async #followLine(): Promise<void> {
    for await (const { type } of this.#connection.status())
      if (type === "disconnect" || type === "reconnect") this.#line += 1;
  }

  static async open(connection: NatsConnection, key: Uint8Array, options: StoreOptions = {}): Promise<Store> {
    const asked = await askedOf(connection, options.starting ? STARTING_MS : undefined);
    return new Store(connection, asked, { key, options });
  }

  /** Writes and waits until the server has it. With `after`, only if nobody wrote since that sequence. */
  async put(subject: string, data: Uint8Array, options: PutOptions = {}): Promise<number> {
    const end = performance.now() + (this.#options.replicated ? ELECTION_MS : 0);
    for (let attempt = 1; ; attempt++) {
      const isLong = performance.now() >= end;
      const line = this.#line;
      this.taking.assert();
      try {
        return await this.#publish(subject, data, options);
      } catch (thrown) {
        if (thrown instanceof BomaError && thrown.code === "lead/lost") throw thrown;
        const own = await this.#ifOwnWrite(thrown, attempt, { subject, data });
        if (own !== undefined) return own;
        const refusal = refusalOf(thrown, subject);
        if (refusal?.code === "bus/full") this.#tellRoom(streamOf(subject), refusal.message);
        if (refusal && DISK_FULL.test(refusal.message))
          this.taking.failed(streamOf(subject), refusal.message);
        if (refusal) throw refusal;
        // Whom we asked is gone, and took the question along: that says nothing of the server that is there now.
        if (isTimeout(thrown) && line !== this.#line) continue;
        if (isLong && attempt >= UNANSWERED_MAX && isTimeout(thrown)) await this.#assertAway(subject, thrown);
        if (isLong && attempt >= PUT_ATTEMPTS)
          throw new BomaError("bus/unreachable", `the store did not take ${subject}`, { cause: thrown });
        await new Promise((resolve) => setTimeout(resolve, 100 * 2 ** Math.min(attempt, PUT_ATTEMPTS - 1)));
      }
    }
  }

  async #publish(subject: string, data: Uint8Array, { after, id }: PutOptions): Promise<number> {
    await this.#options.mayWrite?.();
    if (await this.#isNearEdge(subject, data))
      throw new Error(`maximum bytes of ${streamOf(subject)} reached`);
    const ack = await this.js.publish(subject, data, {
      ...(id !== undefined && { msgID: id }),
      ...(after !== undefined && { expect: { lastSubjectSequence: after } }),
      retries: 0,
      timeout: PUT_MS,
    });
    if (this.#full.size > 0) this.#tellRoom(streamOf(subject), undefined);
    this.taking.worked(streamOf(subject));
    return ack.seq;
  }

  /** A server that is away comes back; one that is there and leaves a stream without answer does not, and is told of. */
  async #assertAway(subject: string, cause: unknown): Promise<void> {
    const answers = this.#connection.flush().then(
      () => true,
      () => false,
    );
    if (!(await isDoneWithin(answers, FLUSH_MS)) || !(await answers)) return;
    const stream = streamOf(subject);
    const message = `the bus is there, and its stream ${stream} does not answer`;
    this.taking.failed(stream, message);
    throw new BomaError("bus/unreachable", message, {
      cause,
      hint: "Was its disk full? A nats-server then takes nothing until it is started again. Boma's own is, by itself; restart yours when there is room.",
    });
  }

  /** Hears of each stream that refuses what is new, once, and of its taking again. */
  listenToRoom(listener: RoomListener): () => void {
    this.#roomListeners.add(listener);
    return () => this.#roomListeners.delete(listener);
  }

  #tellRoom(stream: string, refusal: string | undefined): void {
    if (this.#full.has(stream) === (refusal !== undefined)) return;
    if (refusal === undefined) this.#full.delete(stream);
    else this.#full.add(stream);
    for (const listener of this.#roomListeners) listener(stream, refusal);
  }

  /**
   * A conditional write whose acknowledgement was lost meets itself when it is repeated: what lies there are then our
   * own bytes. Were that taken for somebody else's write, a caller would decide anew on what it has done already.
   */
  async #ifOwnWrite(
    thrown: unknown,
    attempt: number,
    { subject, data }: { readonly subject: string; readonly data: Uint8Array },
  ): Promise<number | undefined> {
    if (!isConflict(thrown)) return undefined;
    const conflict = new WriteConflict(subject, { cause: thrown });
    if (attempt === 1) throw conflict;
    const stored = await this.last(streamOf(subject), subject).catch(() => undefined);
    if (stored && sameBytes(stored.data, data)) return stored.sequence;
    throw conflict;
  }

  /**
   * A server compares the payload alone with what is left, and makes room for the rest of a message by dropping the
   * oldest one, even of a stream that is to refuse: what must never lose anything does not come that near to its bound.
   */
  async #isNearEdge(subject: string, data: Uint8Array): Promise<boolean> {
    const stream = streamOf(subject);
    if (!REFUSING.has(stream)) return false;
    const needed = data.length + subject.length + EDGE_BYTES;
    let room = this.#room.get(stream);
    // Asked anew when it is old, and at each write where it is little.
    if (!room || room.until < Date.now() || room.left < ROOM_ENOUGH_BYTES) {
      const { config, state } = await this.api.streams.info(stream);
      room = { left: config.max_bytes - state.bytes, until: Date.now() + ROOM_MS };
      this.#room.set(stream, room);
    }
    room.left -= needed;
    return room.left < 0;
  }

  async last(stream: string, subject: string): Promise<Stored | undefined> {
    const { replicated } = this.#options;
    const asked = replicated ? this.api.streams : this.api.direct;
    const found = await asked.getMessage(stream, { last_by_subj: subject });
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
    try {
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
    } finally {
      // A server that has gone forgets it by itself.
      consumer.delete().catch(() => undefined);
    }
  }

  /** Those that a stream holds something under. */
  async subjects(stream: string, filter: string): Promise<readonly string[]> {
    const { state } = await this.api.streams.info(stream, { subjects_filter: filter });
    return Object.keys(state.subjects ?? {});
  }

  /** Forgets one message; a server finds it faster than what matches a subject. One that is gone is no matter. */
  async remove(stream: string, sequence: number): Promise<void> {
    await this.#options.mayWrite?.();
    try {
      await this.api.streams.deleteMessage(stream, sequence, false);
    } catch (thrown) {
      if (!(thrown instanceof JetStreamApiError) || !GONE.has(thrown.code)) throw thrown;
    }
  }

  /** Forgets a subject and all that matches it. */
  async purge(stream: string, filter: string): Promise<void> {
    await this.#options.mayWrite?.();
    await this.api.streams.purge(stream, { filter });
  }
}

/** How the bus is asked, and how long its answers are waited for. */
interface Asked {
  readonly js: JetStreamClient;
  readonly api: JetStreamManager;
}

async function askedOf(connection: NatsConnection, answerMs?: number): Promise<Asked> {
  const options = answerMs === undefined ? {} : { timeout: answerMs };
  return {
    js: jetstream(connection, options),
    api: await jetstreamManager(connection, { ...options, checkAPI: false }),
  };
}

export interface StoreOptions {
  /** Answers may take long until it has `started`. */
  readonly starting?: boolean;
  /** Servers keep copies, of which some are behind: what must be the newest is asked of the stream's leader, which is slower. */
  readonly replicated?: boolean;
  /** Throws where this master does not lead any more. */
  readonly mayWrite?: () => Promise<void>;
}

interface PutOptions {
  readonly after?: number;
  /** Written again under this id, it is known by the stream, for as long as the stream remembers ids. */
  readonly id?: string;
}

/** More than a server adds to a message, for several that are on their way. */
const EDGE_BYTES = 4096;
/** Streams that hold what must stay, and refuse what is new instead. */
const REFUSING: ReadonlySet<string> = new Set([STREAM.records, STREAM.audit]);
const ROOM_MS = 10_000;
/** More than is written in that time. */
const ROOM_ENOUGH_BYTES = 64 * 1024 * 1024;
const PUT_ATTEMPTS = 5;
/** A cluster that lost a server takes nothing until it has chosen who leads its streams. */
const ELECTION_MS = 12_000;
const PUT_MS = 5_000;
/** Two of them end before whoever asked gives up. */
const UNANSWERED_MAX = 2;
const FLUSH_MS = 1_000;
/** Messages that are read at once, and how long the rest of a batch is waited for. */
const BATCH = 1000;
const BATCH_MS = 1000;

function isConflict(thrown: unknown): boolean {
  const error = thrown as { code?: number; apiError?: () => { err_code?: number } };
  return error.code === WRONG_LAST_SEQUENCE || /wrong last sequence/.test(asBomaError(thrown).message);
}

/** "No message found", "sequence not found", and what 2.9 says of both when it is to delete them. */
const GONE: ReadonlySet<number> = new Set([10037, 10043, 10057]);

const FULL = /maximum (bytes|messages)|insufficient (storage )?resources|no space left/;
const DISK_FULL = /insufficient (storage )?resources|no space left/;
const TOO_LARGE = /max_payload|message size exceeds/;

/** What will not be otherwise however often it is tried: whoever asked must hear it at once, and in words. */
function refusalOf(thrown: unknown, subject: string): BomaError | undefined {
  const { message } = asBomaError(thrown);
  if (FULL.test(message))
    return new BomaError("bus/full", `${streamOf(subject)} did not take ${subject}: ${message}`, {
      cause: thrown,
    });
  if (TOO_LARGE.test(message))
    return new BomaError("wire/size", `${subject} is too large for the bus: ${message}`, { cause: thrown });
  return undefined;
}

const streams: Readonly<Record<string, string>> = {
  mail: STREAM.mailbox,
  in: STREAM.inbox,
  jobs: STREAM.jobs,
  evt: STREAM.events,
  rec: STREAM.records,
  chunk: "CHUNKS",
  audit: STREAM.audit,
  witness: STREAM.witness,
};
const streamOf = (subject: string): string => streams[subject.split(".")[1]!]!;
