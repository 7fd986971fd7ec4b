/**
 * Streams of a backup go onto a bus that has none of them. What an attempt that ended in between put there is known by a
 * note, and is put there anew.
 */
import { existsSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";

import { BomaError } from "@boma/protocol";
import { JetStreamApiError, jetstreamManager, type StreamAPI } from "@nats-io/jetstream";
import type { NatsConnection } from "nats";
import { z } from "zod";

import { readJson, writeSecret } from "../home.ts";
import type { ArchiveReader } from "./archive-reader.ts";
import { PLACE } from "./home-files.ts";
import { PUT_BACK } from "./stream-order.ts";
import { putBack } from "./stream-snapshot.ts";

/** Whether an attempt has begun to put streams somewhere. */
export const hasBegun = (dir: string): boolean => existsSync(join(dir, NOTE));

/** Of one attempt: which backup, where to, and the streams that it began with. */
const NOTE = "streams.json";
const Attempt = z.strictObject({ takenAt: z.number(), url: z.string(), begun: z.array(z.string()) });

export interface Target {
  readonly connection: NatsConnection;
  /** For people; of a server that was started for this, nothing lasts. */
  readonly url: string | undefined;
  readonly replicas: number;
  /** Where the note lies. */
  readonly dir: string;
}

export async function putStreams(archive: ArchiveReader, target: Target): Promise<readonly string[]> {
  const { connection, url = "", replicas, dir } = target;
  const { streams, takenAt } = archive.manifest;
  const { streams: onBus } = await jetstreamManager(connection, { checkAPI: false });
  const note = join(dir, NOTE);
  const before = hasBegun(dir) ? readJson(note, Attempt) : undefined;
  const ours = before?.takenAt === takenAt && before.url === url ? before.begun : [];
  await assertFree(onBus, url, ours);
  await mkdir(dir, { recursive: true, mode: 0o700 });
  const wanted = PUT_BACK.filter((name) => streams[name]);
  for (const [at, name] of wanted.entries()) {
    // Written down before, so that what is there of it is known as ours.
    writeSecret(
      note,
      JSON.stringify({ takenAt, url, begun: [...new Set([...ours, ...wanted.slice(0, at + 1)])] }),
    );
    if (await isThere(onBus, name)) await onBus.delete(name);
    const bytes = archive.bytes(`${PLACE.streams}/${name}`);
    await putBack(connection, name, { kept: streams[name]!, bytes, replicas });
  }
  return wanted;
}

async function assertFree(onBus: StreamAPI, url: string, ours: readonly string[]): Promise<void> {
  const there: string[] = [];
  for (const name of PUT_BACK) if (!ours.includes(name) && (await isThere(onBus, name))) there.push(name);
  if (there.length === 0) return;
  throw new BomaError("backup/streams-there", `${url} has the streams ${there.join(", ")} already`);
}

const STREAM_NOT_FOUND = 10059;

async function isThere(onBus: StreamAPI, name: string): Promise<boolean> {
  try {
    await onBus.info(name);
    return true;
  } catch (thrown) {
    if (thrown instanceof JetStreamApiError && thrown.code === STREAM_NOT_FOUND) return false;
    throw thrown;
  }
}
