/** The streams of the CTRL account: the only truth of the control plane. */
import {
  BomaError,
  INBOX_BYTES_MAX,
  INBOX_MESSAGES_PER_NODE_MAX,
  parseQuantity,
  PAYLOAD_BYTES_MAX,
  subjects,
} from "@boma/protocol";
import { jetstreamManager, JetStreamApiError, type StreamAPI, type StreamConfig } from "@nats-io/jetstream";
import { nanos, type NatsConnection } from "nats";

import { untilStarted } from "../patience.ts";
import { isTimeout, isTrouble } from "./trouble.ts";

export const STREAMS = [
  "MAILBOX",
  "INBOX",
  "CHUNKS",
  "JOBS",
  "EVENTS",
  "RECORDS",
  "AUDIT",
  "WITNESS",
] as const;
export type StreamName = (typeof STREAMS)[number];

/** How much each stream may hold on disk, and how many servers of a cluster keep it. */
export interface StreamOptions {
  readonly bytesMax?: Partial<Readonly<Record<StreamName, number>>>;
  readonly replicas?: number;
}

/** For so long an event that is written again under its uid is known by the stream itself. */
export const EVENT_REPEAT_MS = 10 * 60_000;

const GIB = 1024 ** 3;
const TIB = 1024 ** 4;
const MIB = 1024 ** 2;
const DAY_MS = 24 * 3_600_000;

const bytesMaxDefault: Readonly<Record<StreamName, number>> = {
  MAILBOX: 2 * GIB,
  // Several nodes that fill their whole share while no master listens; others must still fit.
  INBOX: 4 * GIB,
  CHUNKS: 4 * GIB,
  JOBS: 4 * GIB,
  EVENTS: 2 * GIB,
  RECORDS: 2 * GIB,
  AUDIT: 5 * GIB,
  WITNESS: GIB / 4,
};

const streamBytesMax = (options: StreamOptions): Readonly<Record<StreamName, number>> => ({
  ...bytesMaxDefault,
  ...options.bytesMax,
});

const reservedBytes = (options: StreamOptions): number =>
  Object.values(streamBytesMax(options)).reduce((sum, bytes) => sum + bytes, 0);

/**
 * What a server must allow in all. It takes each stream's bound as reserved, and forgets a stream that has no room when
 * it starts; so there is room for one that had a larger bound until now.
 */
export const storageBytesMax = (options: StreamOptions = {}): number => reservedBytes(options) + TIB;

/** Reads `EVENTS=64MiB,INBOX=1GiB`: how much these streams may hold. */
export function parseStreamBytes(text: string): Partial<Record<StreamName, number>> {
  const bytesMax: Partial<Record<StreamName, number>> = {};
  for (const entry of text.split(",")) {
    const [name = "", size = ""] = entry.split("=").map((word) => word.trim());
    const stream = STREAMS.find((known) => known === name);
    if (!stream)
      throw new BomaError("usage/argument", `--stream-bytes: ${JSON.stringify(name)} is no stream`, {
        hint: `Write EVENTS=64MiB; the streams are ${STREAMS.join(", ")}.`,
      });
    const bytes = parseQuantity(size);
    if (bytes === undefined || bytes < MIB || bytes > TIB)
      throw new BomaError("usage/argument", `--stream-bytes: ${stream}=${size} is not a size of a stream`, {
        hint: "Write 64MiB or 10GiB: from 1MiB, which is one large message, to 1TiB.",
      });
    bytesMax[stream] = bytes;
  }
  return bytesMax;
}

type Kind = Partial<StreamConfig> & Pick<StreamConfig, "subjects">;

/** The last message of each subject is kept, and can be read without a consumer. */
const latest: Partial<StreamConfig> = { max_msgs_per_subject: 1, allow_direct: true };

const kinds: Readonly<Record<StreamName, Kind>> = {
  MAILBOX: {
    subjects: ["boma.mail.*", "boma.mail.*.*"],
    ...latest,
    discard: "old",
    max_age: nanos(8 * DAY_MS),
  },
  INBOX: {
    subjects: ["boma.in.*.*", "boma.in.*.*.*"],
    retention: "workqueue",
    // Full is full for the node that filled it: the newest is refused, nobody's is lost.
    discard: "new",
    discard_new_per_subject: true,
    max_msgs_per_subject: INBOX_MESSAGES_PER_NODE_MAX,
    max_msg_size: INBOX_BYTES_MAX,
    // Ids are compared across all nodes here: a sender must make them random, or another could occupy them.
    duplicate_window: nanos(120_000),
  },
  CHUNKS: {
    subjects: ["boma.chunk.*.*.*", "boma.chunk.*.*.*.*"],
    ...latest,
    discard: "old",
    max_age: nanos(8 * DAY_MS),
  },
  JOBS: { subjects: ["boma.jobs.>"], ...latest, discard: "old", max_age: nanos(14 * DAY_MS) },
  EVENTS: {
    subjects: ["boma.evt.>"],
    discard: "old",
    max_age: nanos(30 * DAY_MS),
    duplicate_window: nanos(EVENT_REPEAT_MS),
  },
  // The registry: nothing ages away, and a full store refuses instead of forgetting a node.
  RECORDS: { subjects: ["boma.rec.*.>"], ...latest, discard: "new" },
  // A copy that is full refuses, and the master says so; it goes on from where it stopped when there is room.
  AUDIT: { subjects: [subjects.audit("*")], allow_direct: true, discard: "new" },
  // Nothing in it can be taken back; a later head stands for all before it, so the oldest may go.
  WITNESS: {
    subjects: [subjects.witness("*")],
    allow_direct: true,
    discard: "old",
    deny_delete: true,
    deny_purge: true,
  },
};

type Wanted = Kind & { readonly name: StreamName; readonly max_bytes: number };

function streamConfigs(options: StreamOptions = {}): readonly Wanted[] {
  const bytes = streamBytesMax(options);
  return STREAMS.map((name) => ({
    storage: "file",
    max_msg_size: PAYLOAD_BYTES_MAX,
    // A roll-up header on one subject would delete the others'.
    allow_rollup_hdrs: false,
    // Where it is not said, they stay as many as they are.
    ...(options.replicas !== undefined && { num_replicas: options.replicas }),
    ...kinds[name],
    name,
    max_bytes: bytes[name],
  }));
}

const STREAM_NOT_FOUND = 10059;

/** What refuses when it is full was meant to lose nothing, and a smaller bound would have the server cut it. */
async function assertRoomFor(streams: StreamAPI, name: StreamName, bytesMax: number): Promise<void> {
  const { bytes } = (await streams.info(name)).state;
  if (bytes <= bytesMax) return;
  throw new BomaError("usage/argument", `${name} holds ${bytes} bytes, and is to hold ${bytesMax} at most`, {
    hint: `Give it more: serve --stream-bytes ${name}=${Math.ceil((2 * bytes) / MIB)}MiB`,
  });
}

/** Creates the streams that are missing and brings the others to the wanted form. */
export const ensureStreams = (control: NatsConnection, options: StreamOptions = {}): Promise<void> =>
  settingUp(options, async () => {
    const { streams } = await jetstreamManager(control, { checkAPI: false });
    for (const { name, ...wanted } of streamConfigs(options)) {
      if (!(await isThere(streams, name))) {
        await streams.add({ ...wanted, name });
        continue;
      }
      if (wanted.discard === "new") await assertRoomFor(streams, name, wanted.max_bytes);
      await streams.update(name, wanted);
    }
  });

/** The one in which it stands who leads: for a master that may change none of them yet. */
export const ensureRecords = (control: NatsConnection, options: StreamOptions = {}): Promise<void> =>
  settingUp(options, async () => {
    const { streams } = await jetstreamManager(control, { checkAPI: false });
    const records = streamConfigs(options).find(({ name }) => name === "RECORDS")!;
    if (!(await isThere(streams, records.name))) await streams.add(records);
  });

/** Whether servers of a cluster keep copies of what is written. */
export async function isReplicated(control: NatsConnection): Promise<boolean> {
  const { streams } = await jetstreamManager(control, { checkAPI: false });
  const { config } = await streams.info("RECORDS");
  return config.num_replicas > 1;
}

async function isThere(streams: StreamAPI, name: StreamName): Promise<boolean> {
  try {
    await streams.info(name);
    return true;
  } catch (thrown) {
    if (thrown instanceof JetStreamApiError && thrown.code === STREAM_NOT_FOUND) return false;
    throw thrown;
  }
}

/** What a cluster says whose servers have only just met: no peers, a store whose account another one does not know yet. */
const NOT_YET = /no suitable peers|creating store for stream/;

const saysNotYet = (thrown: unknown): boolean =>
  thrown instanceof JetStreamApiError && NOT_YET.test(thrown.message);

async function settingUp(options: StreamOptions, work: () => Promise<void>): Promise<void> {
  const hasMet = (options.replicas ?? 1) === 1;
  const isEarly = (thrown: unknown): boolean =>
    hasMet ? isTimeout(thrown) : isTrouble(thrown) || saysNotYet(thrown);
  try {
    await untilStarted(work, isEarly);
  } catch (thrown) {
    throw setUpError(options, thrown);
  }
}

function setUpError(options: StreamOptions, cause: unknown): BomaError {
  if (cause instanceof BomaError) return cause;
  const message = cause instanceof Error ? cause.message : String(cause);
  const wanted = Math.ceil(reservedBytes(options) / GIB);
  return new BomaError("bus/start", `the streams cannot be set up: ${message}`, {
    cause,
    ...(/insufficient storage/.test(message) && {
      hint: `boma's streams reserve ${wanted} GiB: give the server's JetStream as much (max_file_store), or less to them with --stream-bytes.`,
    }),
  });
}
