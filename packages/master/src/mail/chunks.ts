/**
 * What is too large for one message: it lies in parts below the prefix of the
 * node it is for, named by the digest of the whole. What is there already is
 * not written again; what nobody asks for any more ages away with the stream.
 * What lies there is known here as well: a server looks through all of it to
 * say what there is of one node.
 */
import { createHash } from "node:crypto";

import { addressesOf, BomaError, CHUNK_BYTES_MAX, type ChunkRef, CHUNKS_MAX, subjects } from "@boma/protocol";

import type { Store } from "../store/store.ts";

const STREAM = "CHUNKS";
/** What is older is written anew, so that it does not age away under a job that names it. */
const FRESH_MS = 3 * 24 * 3_600_000;
/** Things that lie for one node at once: a job in every place of its mailbox, and bundles. */
const DIGESTS_PER_NODE_MAX = 40;

/** A bundle as it is sent: the release key's word first, then the code. */
export interface SentBundle {
  readonly digest: string;
  readonly manifest: Uint8Array;
  readonly bytes: Uint8Array;
}

/** Where the parts are in the stream, on the line to the bus on which they were put there: one that was killed may give a place again. */
interface Places {
  readonly line: number;
  readonly sequences: readonly number[];
}

/** By digest; of what an earlier master wrote the places are not known. */
type HeldByNode = Map<string, Places | undefined>;

export class Chunks {
  readonly #store: Store;
  #held: Promise<Map<string, HeldByNode>> | undefined;

  readonly #addressOf: (key: string) => string;

  constructor(store: Store, addressOf: (key: string) => string) {
    this.#store = store;
    this.#addressOf = addressOf;
  }

  /** Resolves when the bus has all of it. */
  async put(key: string, bytes: Uint8Array): Promise<ChunkRef> {
    const parts = split(bytes);
    const digest = createHash("sha256").update(bytes).digest("hex");
    await this.#write(key, digest, parts);
    return { digest, parts: parts.length, bytes: bytes.length };
  }

  /** The node reads it by its digest alone: part 0 says what the others are. */
  async putBundle(key: string, { digest, manifest, bytes }: SentBundle): Promise<void> {
    await this.#write(key, digest, [manifest, ...split(bytes)]);
  }

  async forget(key: string, digest: string): Promise<void> {
    const held = await this.#heldOf(key);
    const places = held.get(digest);
    held.delete(digest);
    if (places?.line !== this.#store.line) return this.#store.purge(STREAM, this.#subject(key, digest, "*"));
    await Promise.all(places.sequences.map((sequence) => this.#store.remove(STREAM, sequence)));
  }

  /** Everything that lies there for a node, because it is a node no longer. */
  async forgetAll(key: string): Promise<void> {
    const filters = addressesOf(key).map((address) => subjects.chunk(address, "*", "*"));
    (await this.#all()).delete(key);
    await Promise.all(filters.map((filter) => this.#store.purge(STREAM, filter)));
  }

  /** Brings what lies for a node from where it was reached to where it is. */
  async move(key: string, from: string): Promise<void> {
    const held = await this.#heldOf(key);
    for (const subject of await this.#store.subjects(STREAM, subjects.chunk(from, "*", "*"))) {
      const [digest = "", part] = subject.split(".").slice(-2);
      const stored = await this.#store.last(STREAM, subject);
      if (stored) await this.#store.put(this.#subject(key, digest, Number(part)), stored.data);
      held.set(digest, undefined);
    }
    await this.#store.purge(STREAM, subjects.chunk(from, "*", "*"));
  }

  #subject(key: string, digest: string, part: number | "*"): string {
    return subjects.chunk(this.#addressOf(key), digest, part);
  }

  async #write(key: string, digest: string, parts: readonly Uint8Array[]): Promise<void> {
    if (await this.#has(key, digest, parts)) return;
    await this.#makeRoom(key, digest);
    const { line } = this.#store;
    const sequences: number[] = [];
    // In order, the last one last: where it is, the others are.
    for (const [part, bytes] of parts.entries())
      sequences.push(await this.#store.put(this.#subject(key, digest, part), bytes));
    (await this.#heldOf(key)).set(digest, { line, sequences });
  }

  /** The first goes first when the stream forgets, and the last comes last: with both, and the same first one, it is whole. */
  async #has(key: string, digest: string, parts: readonly Uint8Array[]): Promise<boolean> {
    if (!(await this.#heldOf(key)).has(digest)) return false;
    const since = Date.now() - FRESH_MS;
    for (const part of new Set([0, parts.length - 1])) {
      const stored = await this.#store.last(STREAM, this.#subject(key, digest, part));
      if (!stored || stored.time.getTime() < since) return false;
      if (Buffer.compare(stored.data, parts[part]!) !== 0) return false;
    }
    return true;
  }

  /** One node cannot fill the stream for all: its oldest thing makes room for the newest. */
  async #makeRoom(key: string, digest: string): Promise<void> {
    const held = await this.#heldOf(key);
    if (held.has(digest) || held.size < DIGESTS_PER_NODE_MAX) return;
    const aged: { digest: string; at: number }[] = [];
    for (const other of held.keys()) {
      const first = await this.#store.last(STREAM, this.#subject(key, other, 0));
      aged.push({ digest: other, at: first?.time.getTime() ?? 0 });
    }
    aged.sort((a, b) => a.at - b.at);
    for (const { digest: old } of aged.slice(0, aged.length - DIGESTS_PER_NODE_MAX + 1))
      await this.forget(key, old);
  }

  async #heldOf(key: string): Promise<HeldByNode> {
    const all = await this.#all();
    const held: HeldByNode = all.get(key) ?? new Map();
    all.set(key, held);
    return held;
  }

  #all(): Promise<Map<string, HeldByNode>> {
    this.#held ??= this.#look().catch((error: unknown) => {
      this.#held = undefined;
      throw error;
    });
    return this.#held;
  }

  async #look(): Promise<Map<string, HeldByNode>> {
    const all = new Map<string, HeldByNode>();
    const filters = addressesOf("*").map((address) => subjects.chunk(address, "*", "*"));
    const found = await Promise.all(filters.map((filter) => this.#store.subjects(STREAM, filter)));
    for (const subject of found.flat()) {
      const [key = "", digest = ""] = subject.split(".").slice(-3);
      all.set(key, (all.get(key) ?? new Map<string, undefined>()).set(digest, undefined));
    }
    return all;
  }
}

function split(bytes: Uint8Array): Uint8Array[] {
  const count = Math.max(1, Math.ceil(bytes.length / CHUNK_BYTES_MAX));
  if (count > CHUNKS_MAX)
    throw new BomaError(
      "job/too-large",
      `${bytes.length} bytes for one node exceed the ${CHUNKS_MAX * CHUNK_BYTES_MAX} that may be sent`,
      { hint: "Let the node fetch large files itself, with file.managed and a URL." },
    );
  return Array.from({ length: count }, (_, part) =>
    bytes.subarray(part * CHUNK_BYTES_MAX, (part + 1) * CHUNK_BYTES_MAX),
  );
}
