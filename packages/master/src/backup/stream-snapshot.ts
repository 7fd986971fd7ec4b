/**
 * A stream as one run of bytes, by JetStream's own snapshots: taken while others write to it, and put back with its
 * numbers, times and subjects as they were, into one server or into a cluster. Consumers do not come along: those of
 * boma's that last are made at each start.
 */
import { BomaError } from "@boma/protocol";
import { createInbox, type NatsConnection } from "nats";
import { z } from "zod";

import type { StreamKept } from "./manifest.ts";

/** Well below what a message may weigh. */
const CHUNK_BYTES = 128 * 1024;
const ANSWER_MS = 30_000;
/** A snapshot that goes on says something. */
const SILENCE_MS = 60_000;

const ServersOwn = z.record(z.string(), z.unknown());
const ApiError = z.object({
  description: z.string().default("no reason given"),
  err_code: z.number().optional(),
});
const SnapshotAnswer = z.object({
  error: ApiError.optional(),
  config: ServersOwn.optional(),
  state: ServersOwn.optional(),
});
const RestoreAnswer = z.object({ error: ApiError.optional(), deliver_subject: z.string().optional() });

const STREAM_NOT_FOUND = 10059;

export interface Snapshot {
  readonly kept: StreamKept;
  readonly bytes: AsyncIterable<Uint8Array>;
}

/** Calls `take` while the snapshot runs; `false` where there is no such stream. */
export async function withSnapshot(
  bus: NatsConnection,
  stream: string,
  take: (snapshot: Snapshot) => Promise<void>,
): Promise<boolean> {
  const deliver = createInbox();
  const chunks = bus.subscribe(deliver);
  try {
    const asked = { deliver_subject: deliver, no_consumers: true, chunk_size: CHUNK_BYTES };
    const answer = await bus.request(`$JS.API.STREAM.SNAPSHOT.${stream}`, JSON.stringify(asked), {
      timeout: ANSWER_MS,
    });
    const { error, config, state } = SnapshotAnswer.parse(answer.json());
    if (error?.err_code === STREAM_NOT_FOUND) return false;
    if (error || !config || !state)
      throw failed(stream, "cannot be copied", error?.description ?? "no answer");
    await take({ kept: { config, state }, bytes: chunksOf(stream, chunks) });
    return true;
  } finally {
    chunks.unsubscribe();
  }
}

type Chunks = ReturnType<NatsConnection["subscribe"]>;

/** Each chunk is answered when it was taken, so that the server sends no faster than we write. */
async function* chunksOf(stream: string, chunks: Chunks): AsyncGenerator<Uint8Array> {
  let last = 0;
  const silence = watchSilence(chunks);
  try {
    for await (const message of chunks) {
      silence.heard();
      const code = message.headers?.code ?? 0;
      if (code >= 300) throw failed(stream, "was copied in part", message.headers!.description);
      if (message.data.length === 0) return;
      // `$JS.SNAPSHOT.ACK.STREAM.ID.BYTES.NUMBER`; the last one has none.
      const number = Number(message.reply?.split(".").at(-1) ?? last + 1);
      if (number !== last + 1) throw failed(stream, "was copied in part", `chunk ${last + 1} did not come`);
      last = number;
      yield message.data;
      message.respond();
    }
    throw failed(stream, "was copied in part", "the bus fell silent");
  } finally {
    silence.end();
  }
}

function watchSilence(chunks: Chunks): { readonly heard: () => void; readonly end: () => void } {
  const begin = () => setTimeout(() => chunks.unsubscribe(), SILENCE_MS);
  let timer = begin();
  const end = () => clearTimeout(timer);
  return {
    heard: () => {
      end();
      timer = begin();
    },
    end,
  };
}

/** Puts a stream back; the server makes it of the last chunk, and none before that. */
export async function putBack(
  bus: NatsConnection,
  stream: string,
  { kept, bytes, replicas }: Snapshot & { readonly replicas: number },
): Promise<void> {
  const asked = { config: { ...kept.config, num_replicas: replicas }, state: kept.state };
  const ask = async (subject: string, data: string | Uint8Array) => {
    const { data: said } = await bus.request(subject, data, { timeout: ANSWER_MS });
    const answer =
      said.length === 0 ? {} : RestoreAnswer.parse(JSON.parse(Buffer.from(said).toString("utf8")));
    if (answer.error) throw failed(stream, "was not taken", answer.error.description);
    return answer;
  };
  const { deliver_subject: deliver } = await ask(`$JS.API.STREAM.RESTORE.${stream}`, JSON.stringify(asked));
  if (deliver === undefined) throw failed(stream, "was not taken", "no answer");
  for await (const chunk of bytes)
    for (let at = 0; at < chunk.length; at += CHUNK_BYTES)
      await ask(deliver, chunk.subarray(at, at + CHUNK_BYTES));
  await ask(deliver, "");
}

const failed = (stream: string, what: string, why: string): BomaError =>
  new BomaError("backup/stream", `${stream} ${what}: ${why}`);
