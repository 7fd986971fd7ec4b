/** Reads what lies for this node in parts on the bus. An order says by digest and size what it is; nothing more is taken in. */
import { createHash } from "node:crypto";

import { asBomaError, BomaError, CHUNK_BYTES_MAX, type ChunkRef, CHUNKS_MAX, subjects } from "@boma/protocol";

import type { Bus, BusMessage } from "./bus.ts";

const READ_MS = 10_000;
/** A bus that went away in the middle is waited for, so often. */
const ATTEMPTS = 3;
const NOT_FOUND = 404;

export interface ChunkPorts {
  readonly bus: Bus;
  /** The node's own key: of others it can read nothing. */
  readonly key: string;
  readonly signal: AbortSignal;
}

export async function readChunks(ports: ChunkPorts, ref: ChunkRef): Promise<Uint8Array> {
  const { digest, parts, bytes } = ref;
  if (parts !== partsOf(bytes) || parts > CHUNKS_MAX)
    throw new BomaError("wire/chunks", `${bytes} bytes do not come in ${parts} parts`);
  return readParts(ports, { digest, bytes, first: 0 });
}

export interface Parts {
  readonly digest: string;
  /** All of it together. */
  readonly bytes: number;
  readonly first: number;
}

/** The parts from `first` on, as one, if they are what the digest says. */
export async function readParts(ports: ChunkPorts, { digest, bytes, first }: Parts): Promise<Uint8Array> {
  const whole = Buffer.allocUnsafe(bytes);
  const hash = createHash("sha256");
  for (let part = 0, at = 0; part < partsOf(bytes); part++, at += CHUNK_BYTES_MAX) {
    const data = await readPart(ports, digest, first + part);
    const expected = Math.min(CHUNK_BYTES_MAX, bytes - at);
    if (data.length !== expected)
      throw new BomaError(
        "wire/chunks",
        `part ${first + part} of ${digest.slice(0, 16)} has ${data.length} bytes instead of ${expected}`,
      );
    whole.set(data, at);
    hash.update(data);
  }
  if (hash.digest("hex") === digest) return whole;
  throw new BomaError("wire/chunks", `what came as ${digest.slice(0, 16)} has another digest`);
}

const partsOf = (bytes: number): number => Math.max(1, Math.ceil(bytes / CHUNK_BYTES_MAX));

/** One part, whatever it weighs: the bus itself bounds a message. */
export async function readPart(ports: ChunkPorts, digest: string, part: number): Promise<Uint8Array> {
  const { data, status } = await ask(ports, subjects.readChunk(ports.key, digest, part));
  const name = `part ${part} of ${digest.slice(0, 16)}`;
  if (status === NOT_FOUND) throw new BomaError("wire/chunks-missing", `${name} is not on the bus`);
  if (status !== 0) throw new BomaError("bus/unreachable", `${name} cannot be read: status ${status}`);
  return data;
}

async function ask({ bus, signal }: ChunkPorts, subject: string): Promise<BusMessage> {
  for (let attempt = 1; ; attempt++) {
    await bus.connected(signal);
    signal.throwIfAborted();
    try {
      return await bus.request(subject, new Uint8Array(), { timeoutMs: READ_MS });
    } catch (cause) {
      if (attempt < ATTEMPTS && !signal.aborted) continue;
      const { message } = asBomaError(cause);
      throw new BomaError("bus/unreachable", `the bus does not answer for ${subject}: ${message}`, { cause });
    }
  }
}
