/** The streams of the CTRL account: the only truth of the control plane. */
import { BomaError, INBOX_BYTES_MAX, INBOX_MESSAGES_PER_NODE_MAX, PAYLOAD_BYTES_MAX } from "@boma/protocol";
import { jetstreamManager, JetStreamApiError, type StreamConfig } from "@nats-io/jetstream";
import { nanos, type NatsConnection } from "nats";

export const STREAMS = ["MAILBOX", "INBOX", "CHUNKS", "JOBS", "EVENTS", "RECORDS"] as const;
export type StreamName = (typeof STREAMS)[number];

/** How much each stream may hold on disk, and how many servers of a cluster keep it. */
export interface StreamOptions {
  readonly bytesMax?: Partial<Readonly<Record<StreamName, number>>>;
  readonly replicas?: number;
}

const GIB = 1024 ** 3;
const DAY_MS = 24 * 3_600_000;

const bytesMaxDefault: Readonly<Record<StreamName, number>> = {
  MAILBOX: 2 * GIB,
  // Several nodes that fill their whole share while no master listens; others must still fit.
  INBOX: 8 * GIB,
  CHUNKS: 8 * GIB,
  JOBS: 8 * GIB,
  EVENTS: 2 * GIB,
  RECORDS: 2 * GIB,
};

const streamBytesMax = (options: StreamOptions): Readonly<Record<StreamName, number>> => ({
  ...bytesMaxDefault,
  ...options.bytesMax,
});

/** What a server must allow in all: it takes each stream's bound as reserved. */
export const storageBytesMax = (options: StreamOptions = {}): number =>
  Object.values(streamBytesMax(options)).reduce((sum, bytes) => sum + bytes, 0);

type Kind = Partial<StreamConfig> & Pick<StreamConfig, "subjects">;

/** The last message of each subject is kept, and can be read without a consumer. */
const latest: Partial<StreamConfig> = { max_msgs_per_subject: 1, allow_direct: true };

const kinds: Readonly<Record<StreamName, Kind>> = {
  MAILBOX: { subjects: ["boma.mail.*"], ...latest, discard: "old", max_age: nanos(8 * DAY_MS) },
  INBOX: {
    subjects: ["boma.in.*.*"],
    retention: "workqueue",
    // Full is full for the node that filled it: the newest is refused, nobody's is lost.
    discard: "new",
    discard_new_per_subject: true,
    max_msgs_per_subject: INBOX_MESSAGES_PER_NODE_MAX,
    max_msg_size: INBOX_BYTES_MAX,
    // Ids are compared across all nodes here: a sender must make them random, or another could occupy them.
    duplicate_window: nanos(120_000),
  },
  CHUNKS: { subjects: ["boma.chunk.*.*.*"], ...latest, discard: "old", max_age: nanos(8 * DAY_MS) },
  JOBS: { subjects: ["boma.jobs.>"], ...latest, discard: "old", max_age: nanos(14 * DAY_MS) },
  EVENTS: { subjects: ["boma.evt.>"], discard: "old", max_age: nanos(30 * DAY_MS) },
  // The registry: nothing ages away, and a full store refuses instead of forgetting a node.
  RECORDS: { subjects: ["boma.rec.*.>"], ...latest, discard: "new" },
};

function streamConfigs(options: StreamOptions = {}): readonly (Kind & { readonly name: StreamName })[] {
  const bytes = streamBytesMax(options);
  return STREAMS.map((name) => ({
    storage: "file",
    max_msg_size: PAYLOAD_BYTES_MAX,
    // A roll-up header on one subject would delete the others'.
    allow_rollup_hdrs: false,
    num_replicas: options.replicas ?? 1,
    ...kinds[name],
    name,
    max_bytes: bytes[name],
  }));
}

const STREAM_NOT_FOUND = 10059;

/** Creates the streams that are missing and brings the others to the wanted form. */
export async function ensureStreams(control: NatsConnection, options: StreamOptions = {}): Promise<void> {
  try {
    const { streams } = await jetstreamManager(control, { checkAPI: false });
    for (const { name, ...wanted } of streamConfigs(options)) {
      try {
        await streams.update(name, wanted);
      } catch (cause) {
        if (!(cause instanceof JetStreamApiError) || cause.code !== STREAM_NOT_FOUND) throw cause;
        await streams.add({ ...wanted, name });
      }
    }
  } catch (cause) {
    if (cause instanceof BomaError) throw cause;
    const message = cause instanceof Error ? cause.message : String(cause);
    throw new BomaError("bus/start", `the streams cannot be set up: ${message}`, { cause });
  }
}
