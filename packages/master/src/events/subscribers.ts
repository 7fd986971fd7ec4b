/** Where each named reader of events stands. It is written down after what it read was dealt with, never before. */
import { z } from "zod";

import type { Store } from "../store/store.ts";
import { Table } from "../store/table.ts";

export const SubscriberRecord = z.strictObject({
  name: z.string(),
  /** A named reader of an operator, a reactor of the site, a notifier, or what a master itself adds up. */
  kind: z.enum(["operator", "reactor", "notifier", "master"]),
  owner: z.string(),
  patterns: z.array(z.string()),
  position: z.int().nonnegative(),
  at: z.number(),
  /** The process that reads under an operator's name now; a later one takes it over. */
  holder: z.string().optional(),
});
export type SubscriberRecord = z.output<typeof SubscriberRecord>;

export class Subscribers {
  readonly #table: Table<SubscriberRecord>;

  private constructor(table: Table<SubscriberRecord>) {
    this.#table = table;
  }

  static async open(store: Store): Promise<Subscribers> {
    return new Subscribers(await Table.open(store, "subscriber", SubscriberRecord));
  }

  get(kind: SubscriberRecord["kind"], name: string): SubscriberRecord | undefined {
    return this.#table.get(`${kind}-${name}`);
  }

  list(kind?: SubscriberRecord["kind"]): SubscriberRecord[] {
    return [...this.#table.values()].filter((one) => kind === undefined || one.kind === kind);
  }

  /** A new one begins at `position`; one that is there keeps its place, and takes the new patterns. */
  async join(wanted: Omit<SubscriberRecord, "at">): Promise<SubscriberRecord> {
    const record = await this.#table.update(recordName(wanted), (known) => ({
      ...wanted,
      position: known?.position ?? wanted.position,
      at: Date.now(),
    }));
    return record!;
  }

  /** Everything up to here is dealt with. A place only moves forward. */
  async advance(kind: SubscriberRecord["kind"], name: string, position: number): Promise<void> {
    await this.#table.update(`${kind}-${name}`, (known) =>
      known && known.position < position ? { ...known, position, at: Date.now() } : known,
    );
  }

  /** Forgets it; `false` when there was none. */
  async leave(kind: SubscriberRecord["kind"], name: string): Promise<boolean> {
    if (!this.get(kind, name)) return false;
    await this.#table.update(`${kind}-${name}`, () => undefined);
    return true;
  }
}

const recordName = ({ kind, name }: Pick<SubscriberRecord, "kind" | "name">): string => `${kind}-${name}`;
