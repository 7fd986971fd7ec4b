import { createHash } from "node:crypto";

/** Machines that may join without anybody looking: named by what they claim to be, and trusted no further than that. */
import { Assigned, type HardwareClaims } from "@boma/protocol";
import { z } from "zod";

import type { Store } from "../store/store.ts";
import { Table } from "../store/table.ts";

const AllowRule = z.strictObject({
  by: z.enum(["mac", "uuid", "serial"]),
  value: z.string().min(1).max(255),
  assigned: Assigned,
  addedBy: z.string(),
});
export type AllowRule = z.output<typeof AllowRule>;

export class AllowList {
  readonly #table: Table<AllowRule>;

  private constructor(table: Table<AllowRule>) {
    this.#table = table;
  }

  static async open(store: Store): Promise<AllowList> {
    return new AllowList(await Table.open(store, "allow", AllowRule));
  }

  async add(rule: AllowRule): Promise<void> {
    const value = rule.value.toLowerCase();
    await this.#table.update(ruleName(rule.by, value), () => ({ ...rule, value }));
  }

  async remove(rule: Pick<AllowRule, "by" | "value">): Promise<void> {
    await this.#table.update(ruleName(rule.by, rule.value.toLowerCase()), () => undefined);
  }

  list(): AllowRule[] {
    return [...this.#table.values()];
  }

  find({ macs, uuid, serial }: HardwareClaims): AllowRule | undefined {
    const named = (by: AllowRule["by"], value: string | undefined) =>
      value === undefined ? undefined : this.#table.get(ruleName(by, value.toLowerCase()));
    for (const mac of macs) {
      const rule = named("mac", mac);
      if (rule) return rule;
    }
    return named("uuid", uuid) ?? named("serial", serial);
  }
}

/** A record's name is one subject token, and serial numbers are anything. */
const ruleName = (by: string, value: string): string =>
  `${by}-${createHash("sha256").update(value).digest("hex").slice(0, 32)}`;
