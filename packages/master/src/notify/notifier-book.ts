/** How each notifier fares, written down after every delivery. */
import { z } from "zod";

import type { Store } from "../store/store.ts";
import { Table } from "../store/table.ts";
import { Digest } from "./digest.ts";

export const NotifierRecord = z.strictObject({
  name: z.string(),
  /** Everything up to here was delivered, waits, or was gathered. */
  takenTo: z.int(),
  delivered: z.int(),
  deliveredAt: z.number().optional(),
  failingSince: z.number().optional(),
  lastError: z.string().optional(),
  /** Of the dead that had to make room. */
  dropped: z.int(),
  digest: Digest.optional(),
});
export type NotifierRecord = z.output<typeof NotifierRecord>;

export class NotifierBook {
  readonly #table: Table<NotifierRecord>;

  private constructor(table: Table<NotifierRecord>) {
    this.#table = table;
  }

  static async open(store: Store): Promise<NotifierBook> {
    return new NotifierBook(await Table.open(store, "notifier", NotifierRecord));
  }

  get(name: string): NotifierRecord {
    return this.#table.get(name) ?? { name, takenTo: 0, delivered: 0, dropped: 0 };
  }

  names(): string[] {
    return [...this.#table.values()].map(({ name }) => name);
  }

  async change(name: string, change: (record: NotifierRecord) => NotifierRecord): Promise<NotifierRecord> {
    const record = await this.#table.update(name, (known) => change(known ?? this.get(name)));
    return record!;
  }

  async forget(name: string): Promise<void> {
    await this.#table.update(name, () => undefined);
  }
}
