/**
 * The keys by which machines knock before they are nodes. Images, join files and tokens carry the newest; one that is
 * retired opens the door to nobody any more, and nodes never need it. The keys themselves are made of the bus's trust.
 */
import { BomaError } from "@boma/protocol";
import { z } from "zod";

import type { Store } from "../store/store.ts";
import { Table } from "../store/table.ts";

const JoinKeyRecord = z.strictObject({
  number: z.int().positive(),
  madeAt: z.number().optional(),
  madeBy: z.string(),
  retiredAt: z.number().optional(),
});
export type JoinKeyRecord = z.output<typeof JoinKeyRecord>;

/** There from the beginning, without a record. */
const FIRST: JoinKeyRecord = { number: 1, madeBy: "init" };
/** Each is a part of the account that the bus holds. */
const GOOD_MAX = 16;

export class JoinKeys {
  readonly #table: Table<JoinKeyRecord>;

  private constructor(table: Table<JoinKeyRecord>) {
    this.#table = table;
  }

  static async open(store: Store): Promise<JoinKeys> {
    return new JoinKeys(await Table.open(store, "join-key", JoinKeyRecord));
  }

  list(): JoinKeyRecord[] {
    const known = new Map([FIRST, ...this.#table.values()].map((record) => [record.number, record]));
    return [...known.values()].sort((a, b) => a.number - b.number);
  }

  /** Numbers of those by which machines may knock. */
  good(): number[] {
    return this.list().flatMap(({ number, retiredAt }) => (retiredAt === undefined ? [number] : []));
  }

  get newest(): number {
    return this.list().at(-1)!.number;
  }

  async make(madeBy: string): Promise<JoinKeyRecord> {
    if (this.good().length >= GOOD_MAX)
      throw new BomaError("usage/argument", `there are ${GOOD_MAX} join keys that are good`, {
        hint: "Retire those whose images are gone: boma-master join-key list",
      });
    const record = { number: this.newest + 1, madeAt: Date.now(), madeBy };
    await this.#table.update(String(record.number), () => record);
    return record;
  }

  /** Says whether it was good until now. */
  async retire(number: number): Promise<boolean> {
    const record = this.list().find((one) => one.number === number);
    if (!record)
      throw new BomaError("usage/argument", `there is no join key ${number}`, {
        hint: "boma-master join-key list",
      });
    if (number === this.newest)
      throw new BomaError("usage/argument", `join key ${number} is the newest: what is made now carries it`, {
        hint: "First make another: boma-master join-key new",
      });
    if (record.retiredAt !== undefined) return false;
    await this.#table.update(String(number), (known) => ({ ...(known ?? record), retiredAt: Date.now() }));
    return true;
  }
}
