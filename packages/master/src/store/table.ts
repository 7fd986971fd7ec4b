/**
 * A table is one kind of record in the RECORDS stream, held whole in memory for
 * reading. Memory can be thrown away: the stream has everything.
 */
import { pack, subjects, unpack } from "@boma/protocol";
import type { z } from "zod";

import { hide, reveal } from "../secret-box.ts";
import { type Store, STREAM, WriteConflict } from "./store.ts";

interface Row<T> {
  readonly value: T | undefined;
  readonly sequence: number;
}

export class Table<T> {
  readonly #rows = new Map<string, Row<T>>();
  readonly #writing = new Map<string, Promise<unknown>>();
  readonly #store: Store;
  readonly #name: string;
  readonly #schema: z.ZodType<T>;

  private constructor(store: Store, name: string, schema: z.ZodType<T>) {
    this.#store = store;
    this.#name = name;
    this.#schema = schema;
  }

  static async open<T>(store: Store, name: string, schema: z.ZodType<T>): Promise<Table<T>> {
    const table = new Table(store, name, schema);
    for await (const { subject, sequence, data } of store.replay(
      STREAM.records,
      subjects.record(name, "*"),
    )) {
      table.#rows.set(subject.slice(subjects.record(name, "").length), {
        value: table.#read(subject, data),
        sequence,
      });
    }
    return table;
  }

  get(id: string): T | undefined {
    return this.#rows.get(id)?.value;
  }

  *values(): Generator<T> {
    for (const { value } of this.#rows.values()) if (value !== undefined) yield value;
  }

  /** Decides on the newest value and writes what comes of it; `undefined` removes the record. One writer a record at a time. */
  async update(id: string, decide: (now: T | undefined) => T | undefined): Promise<T | undefined> {
    const before = this.#writing.get(id) ?? Promise.resolve();
    const mine = before.catch(() => undefined).then(() => this.#write(id, decide));
    this.#writing.set(id, mine);
    try {
      return await mine;
    } finally {
      if (this.#writing.get(id) === mine) this.#writing.delete(id);
    }
  }

  async #write(id: string, decide: (now: T | undefined) => T | undefined): Promise<T | undefined> {
    for (let attempt = 1; ; attempt++) {
      const row = this.#rows.get(id);
      const value = decide(row?.value);
      if (value === row?.value) return value;
      const subject = subjects.record(this.#name, id);
      const data =
        value === undefined
          ? new Uint8Array()
          : hide(pack(this.#schema.parse(value)), this.#store.key, subject);
      try {
        const sequence = await this.#store.put(subject, data, { after: row?.sequence ?? 0 });
        this.#rows.set(id, { value, sequence });
        return value;
      } catch (thrown) {
        if (!(thrown instanceof WriteConflict) || attempt === 3) throw thrown;
        await this.#refresh(id);
      }
    }
  }

  async #refresh(id: string): Promise<void> {
    const stored = await this.#store.last(STREAM.records, subjects.record(this.#name, id));
    if (!stored) return void this.#rows.delete(id);
    this.#rows.set(id, { value: this.#read(stored.subject, stored.data), sequence: stored.sequence });
  }

  #read(subject: string, data: Uint8Array): T | undefined {
    return data.length === 0 ? undefined : this.#schema.parse(unpack(reveal(data, this.#store.key, subject)));
  }
}
