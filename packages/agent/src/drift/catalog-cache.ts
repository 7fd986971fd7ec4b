/**
 * The catalog that this node was last given as a whole, kept for the time when no
 * master is there. It came signed by the master; here it is sealed and signed by
 * the node itself, so that secrets never lie in the clear and the master's keys
 * may change.
 */
import { mkdir, rename, rm, stat, utimes } from "node:fs/promises";
import { dirname } from "node:path";

import {
  asBomaError,
  BomaError,
  Bytes,
  CHUNK_BYTES_MAX,
  CHUNKS_MAX,
  defineMessage,
  open,
  openSealed,
  pack,
  sameBytes,
  seal,
  sealTo,
  unpackHostile,
} from "@boma/protocol";
import { Parcel } from "@boma/states/core";
import { z } from "zod";

import { messageOf, readIfThere, writeAtomic } from "../files.ts";
import type { NodeKeys } from "../identity.ts";

/** Which job brought it. */
const Origin = z.strictObject({ job: z.string(), operator: z.string(), at: z.number() });
export type CatalogOrigin = z.output<typeof Origin>;

const FRAME_BYTES = 64 * 1024;
/** On this disk only: what a node says to itself. */
const Kept = defineMessage({
  kind: "node.catalog",
  schema: 1,
  bytesMax: CHUNKS_MAX * CHUNK_BYTES_MAX + FRAME_BYTES,
  body: z.strictObject({ origin: Origin, sealed: Bytes }),
});

export interface KeptCatalog {
  readonly parcel: Parcel;
  readonly origin: CatalogOrigin;
  /** Which of those that were kept since the agent began it is. */
  readonly number: number;
  /** An apply that was to make it so did not come to its end. */
  readonly unfinished: boolean;
}

type Content = Pick<KeptCatalog, "parcel" | "origin">;

interface CacheOptions {
  readonly durable?: boolean;
  readonly keys: () => NodeKeys;
}

export class CatalogCache {
  readonly #path: string;
  readonly #durable: boolean;
  readonly #keys: () => NodeKeys;
  readonly #listeners = new Set<() => void>();
  #number = 0;
  #turn: Promise<unknown> = Promise.resolve();

  /** `path` is that of the file; a mark and a copy for the next keys lie beside it. */
  constructor(path: string, { durable = true, keys }: CacheOptions) {
    this.#path = path;
    this.#durable = durable;
    this.#keys = keys;
  }

  listen(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** A whole apply begins: until it has ended nobody knows what of it is so. */
  begin(): Promise<void> {
    return this.#inTurn(async () => {
      await mkdir(dirname(this.#path), { recursive: true, mode: 0o700 });
      await writeAtomic(this.#mark, "", { durable: this.#durable });
    });
  }

  /** What was applied is kept. Where that is not possible the one before goes as well: it is not meant any more. */
  keep(
    parcel: Parcel,
    origin: CatalogOrigin,
    { unfinished }: { readonly unfinished: boolean },
  ): Promise<void> {
    return this.#inTurn(async () => {
      try {
        await this.#write(this.#path, { parcel, origin }, this.#keys());
        await rm(this.#next, { force: true });
        if (!unfinished) await rm(this.#mark, { force: true });
      } catch (cause) {
        await rm(this.#path, { force: true });
        throw new BomaError("drift/catalog", `the catalog cannot be kept: ${messageOf(cause)}`, { cause });
      } finally {
        this.#number += 1;
        for (const listener of this.#listeners) listener();
      }
    });
  }

  /** By the machine's own clock, as its files are dated: what is newer was changed after the apply. */
  async keptAt(): Promise<number | undefined> {
    return (await stat(this.#path).catch(() => undefined))?.mtimeMs;
  }

  /** Whoever waited for a turn asks again: meanwhile another one may have been applied. */
  assertCurrent({ number }: KeptCatalog): void {
    if (number === this.#number) return;
    throw new BomaError("drift/catalog", "another catalog was applied, or a stage stopped, meanwhile");
  }

  /** Whoever read it before must read it again: what is to be done about it is not the same any more. */
  outdate(): void {
    this.#number += 1;
  }

  /** `undefined` where none was ever kept; throws `drift/catalog` where what lies there is not what this node kept. */
  load(): Promise<KeptCatalog | undefined> {
    return this.#inTurn(() => this.#load());
  }

  /** The node gets other keys: from now on it opens with either. The caller commits once the new ones are in force. */
  renew(keys: NodeKeys): Promise<void> {
    return this.#inTurn(async () => {
      const held = await this.#load().catch(() => undefined);
      if (!held) return;
      await this.#write(this.#next, held, keys);
      // It is as old as what it is a copy of: a change between the two is a change since the apply.
      const { atime, mtime } = await stat(this.#path);
      await utimes(this.#next, atime, mtime);
    });
  }

  async #load(): Promise<KeptCatalog | undefined> {
    const [held, next, mark] = await Promise.all(
      [this.#path, this.#next, this.#mark].map((path) => readIfThere(path)),
    );
    const about = { unfinished: mark !== undefined, number: this.#number };
    // Written for keys that are in force by now, if the last rekey came to its end.
    if (next) {
      const renewed = this.#tryRead(next);
      if (renewed) {
        await rename(this.#next, this.#path);
        return { ...renewed, ...about };
      }
    }
    return held && { ...this.#read(held), ...about };
  }

  #tryRead(bytes: Uint8Array): Content | undefined {
    try {
      return this.#read(bytes);
    } catch {
      return undefined;
    }
  }

  #read(bytes: Uint8Array): Content {
    const { nkey, seal: sealKey, sign } = this.#keys();
    try {
      const trusts = (sender: Uint8Array): boolean => sameBytes(sender, sign.publicKey);
      // It is as old as the last apply, and the node's clock may say anything.
      const { body } = open(Kept, bytes, { trusts, to: nkey.publicKey, now: null });
      const parcel = Parcel.parse(unpackHostile(openSealed(body.sealed, sealKey)));
      return { parcel, origin: body.origin };
    } catch (cause) {
      throw new BomaError(
        "drift/catalog",
        `${this.#path} is not what this node kept: ${asBomaError(cause).message}`,
        { cause },
      );
    }
  }

  async #write(path: string, { parcel, origin }: Content, keys: NodeKeys) {
    // That apply was bound to a plan; what the node does by itself is not.
    const { plan: _, ...lasting } = parcel;
    const sealed = sealTo(keys.seal.publicKey, pack(lasting));
    const frame = seal(Kept, { origin, sealed }, { to: keys.nkey.publicKey, key: keys.sign });
    await mkdir(dirname(path), { recursive: true, mode: 0o700 });
    await writeAtomic(path, frame, { durable: this.#durable });
  }

  get #mark(): string {
    return `${this.#path}.applying`;
  }
  get #next(): string {
    return `${this.#path}.next`;
  }

  #inTurn<T>(act: () => Promise<T>): Promise<T> {
    const mine = this.#turn.then(act);
    this.#turn = mine.catch(() => undefined);
    return mine;
  }
}
