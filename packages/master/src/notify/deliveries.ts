/**
 * What could not be delivered yet, and what was given up. An event is named by its
 * place and read again when it is sent; a slot is used again, so that the store
 * does not grow with what was delivered.
 */
import { createHash } from "node:crypto";

import { z } from "zod";

import type { Store } from "../store/store.ts";
import { Table } from "../store/table.ts";
import { Digest } from "./digest.ts";

/** So many wait before a notifier takes no more out of the stream, which keeps them meanwhile. */
export const WAITING_MAX = 500;
/** Of what was given up the oldest makes room. */
const DEAD_MAX = 500;
const SLOTS = WAITING_MAX + DEAD_MAX + 2;

export const DeliveryRecord = z.strictObject({
  id: z.string(),
  notifier: z.string(),
  slot: z.int(),
  state: z.enum(["waiting", "dead"]),
  /** The event, or the last one of a digest. */
  sequence: z.int(),
  uid: z.string(),
  kind: z.string(),
  digest: Digest.optional(),
  at: z.number(),
  attempts: z.int(),
  triedAt: z.number(),
  dueAt: z.number(),
  error: z.string(),
});
export type DeliveryRecord = z.output<typeof DeliveryRecord>;
export type NewDelivery = Omit<DeliveryRecord, "slot">;

/** A pure function of what is told to whom: after a crash it is the same. */
export const deliveryId = (notifier: string, uid: string, digest = false): string =>
  createHash("sha256")
    .update(`boma/1/delivery\0${notifier}\0${uid}${digest ? "\0digest" : ""}`)
    .digest("hex")
    .slice(0, 32);

const keyOf = ({ notifier, slot }: Pick<DeliveryRecord, "notifier" | "slot">) => `${notifier}-${slot}`;
const byPlace = (a: DeliveryRecord, b: DeliveryRecord): number => a.sequence - b.sequence;

export class Deliveries {
  readonly #table: Table<DeliveryRecord>;

  private constructor(table: Table<DeliveryRecord>) {
    this.#table = table;
  }

  static async open(store: Store): Promise<Deliveries> {
    return new Deliveries(await Table.open(store, "delivery", DeliveryRecord));
  }

  /** In the order of the events. */
  list(state: DeliveryRecord["state"], notifier?: string): DeliveryRecord[] {
    return [...this.#table.values()]
      .filter((one) => one.state === state && (notifier === undefined || one.notifier === notifier))
      .sort(byPlace);
  }

  find(id: string): DeliveryRecord | undefined {
    return [...this.#table.values()].find((one) => one.id === id);
  }

  /** Puts it into the first slot that is free. */
  async add(delivery: NewDelivery): Promise<void> {
    const used = new Set(
      [...this.#table.values()]
        .filter(({ notifier }) => notifier === delivery.notifier)
        .map(({ slot }) => slot),
    );
    const slot = Array.from({ length: SLOTS }, (_, at) => at).find((at) => !used.has(at)) ?? 0;
    await this.put({ ...delivery, slot });
  }

  async put(delivery: DeliveryRecord): Promise<void> {
    await this.#table.update(keyOf(delivery), () => delivery);
  }

  async end(delivery: DeliveryRecord): Promise<void> {
    await this.#table.update(keyOf(delivery), (known) => (known?.id === delivery.id ? undefined : known));
  }

  /** Lets go of the oldest of the dead, above what is kept; how many that were. */
  async trim(notifier: string): Promise<number> {
    const beyond = this.list("dead", notifier).slice(0, -DEAD_MAX);
    for (const delivery of beyond) await this.end(delivery);
    return beyond.length;
  }
}
