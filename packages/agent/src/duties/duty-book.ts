/** What this agent does by itself, kept over restarts; whoever does it hears when it changes. */
import { mkdir } from "node:fs/promises";
import { dirname } from "node:path";

import { BomaError } from "@boma/protocol";
import type { Duties, Duty, Port, ReadDuties } from "@boma/states/core";
import { z } from "zod";

import { messageOf, readIfThere, writeAtomic } from "../files.ts";
import { keptObject } from "../kept-object.ts";

const File = z.record(
  z.string(),
  keptObject({ kind: z.string(), params: z.record(z.string(), z.unknown()) }),
);

export class DutyBook {
  readonly #path: string;
  readonly #durable: boolean;
  readonly #duties: Map<string, Duty>;
  readonly #listeners = new Set<() => void>();
  #writing: Promise<void> = Promise.resolve();

  private constructor(path: string, durable: boolean, duties: Map<string, Duty>) {
    this.#path = path;
    this.#durable = durable;
    this.#duties = duties;
  }

  static async open(path: string, { durable }: { readonly durable: boolean }): Promise<DutyBook> {
    const held = await readIfThere(path);
    return new DutyBook(path, durable, new Map(Object.entries(held ? readDuties(held, path) : {})));
  }

  /** Those of some kinds, such as `beacon.`, by id. */
  of(prefix: string): ReadonlyMap<string, Duty> {
    return new Map([...this.#duties].filter(([, { kind }]) => kind.startsWith(prefix)));
  }

  listen(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** A whole catalog was applied: what it does not ask for is not done any more. */
  async keepOnly(ids: ReadonlySet<string>): Promise<void> {
    const over = [...this.#duties.keys()].filter((id) => !ids.has(id));
    if (over.length === 0) return;
    await this.#change(() => {
      for (const id of over) this.#duties.delete(id);
    });
  }

  get port(): Port<ReadDuties, Duties> {
    const read: ReadDuties = { get: async (id) => this.#duties.get(id) };
    const write: Duties = {
      ...read,
      set: (id, duty) => this.#change(() => void this.#duties.set(id, duty)),
      remove: (id) => this.#change(() => void this.#duties.delete(id)),
    };
    return { read, write };
  }

  /** One writer at a time; what could not be written is not so. */
  #change(change: () => void): Promise<void> {
    const mine = this.#writing.then(async () => {
      const before = new Map(this.#duties);
      change();
      try {
        await mkdir(dirname(this.#path), { recursive: true, mode: 0o700 });
        const text = JSON.stringify(Object.fromEntries(this.#duties));
        await writeAtomic(this.#path, Buffer.from(text), { durable: this.#durable });
      } catch (thrown) {
        this.#duties.clear();
        for (const [id, duty] of before) this.#duties.set(id, duty);
        throw thrown;
      }
      for (const listener of this.#listeners) listener();
    });
    this.#writing = mine.catch(() => undefined);
    return mine;
  }
}

function readDuties(held: Uint8Array, path: string): Record<string, Duty> {
  try {
    return File.parse(JSON.parse(Buffer.from(held).toString()));
  } catch (cause) {
    throw new BomaError("internal", `${path} cannot be read: ${messageOf(cause)}`, { cause });
  }
}
