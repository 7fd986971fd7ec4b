/** Machines that boot from the network, each with how far it has come since its last boot script. */
import {
  type HardwareClaims,
  NETBOOT_MACHINES_MAX,
  NETBOOT_STAGES,
  type NetbootStage,
  NodeKey,
} from "@boma/protocol";
import { z } from "zod";

import type { Store } from "../store/store.ts";
import { Table } from "../store/table.ts";
import { Mac, Uuid } from "./windows.ts";

const Machine = z.strictObject({
  mac: Mac,
  uuid: Uuid.optional(),
  serial: z.string().max(255).optional(),
  arch: z.string().max(16).optional(),
  address: z.string().max(64).optional(),
  image: z.string().max(63).optional(),
  /** The token of its last script, and the window in which it was given out. */
  token: z.string().optional(),
  window: z.string().optional(),
  /** The node that it became. */
  key: NodeKey.optional(),
  node: z.string().max(63).optional(),
  /** It is to be put on a disk: for which window, by whom, and the jobs that came of it. */
  install: z
    .strictObject({
      window: z.string(),
      by: z.string(),
      disk: z.string().optional(),
      job: z.string().optional(),
      boot: z.string().optional(),
    })
    .optional(),
  /** When it came to each stage, in this boot. */
  stages: z.partialRecord(z.enum(NETBOOT_STAGES), z.number()),
  /** Why it waits, where it does. */
  why: z.string().max(500).optional(),
  seenAt: z.number(),
});
export type Machine = z.output<typeof Machine>;

const nameOf = (mac: string): string => mac.replaceAll(":", "");

export class Machines {
  readonly #table: Table<Machine>;

  private constructor(table: Table<Machine>) {
    this.#table = table;
  }

  static async open(store: Store): Promise<Machines> {
    return new Machines(await Table.open(store, "boot-machine", Machine));
  }

  list(): Machine[] {
    return [...this.#table.values()].toSorted((a, b) => a.seenAt - b.seenAt);
  }

  get(mac: string): Machine | undefined {
    return this.#table.get(nameOf(mac));
  }

  byKey(key: string): Machine | undefined {
    return this.#table.values().find((machine) => machine.key === key);
  }

  /** The machine that is just booting and claims these addresses. */
  byClaims({ macs }: Pick<HardwareClaims, "macs">): Machine | undefined {
    for (const mac of macs) {
      const machine = this.get(mac.toLowerCase());
      if (machine) return machine;
    }
    return undefined;
  }

  async change(mac: string, change: (machine: Machine) => Machine): Promise<void> {
    await this.#makeRoom(mac);
    const seenAt = Date.now();
    await this.#table.update(nameOf(mac), (machine) => {
      const before = machine ?? { mac, stages: {}, seenAt };
      const after = change(before);
      return after === before ? machine : { ...after, seenAt };
    });
  }

  /** Whether this stage is news. A stage that comes again, and those before one that was reached, are none. */
  async reach(mac: string, stage: NetbootStage, about: Partial<Machine> = {}): Promise<boolean> {
    let isNew = false;
    await this.change(mac, (machine) => {
      isNew = machine.stages[stage] === undefined;
      if (!isNew) return machine;
      const { why: _why, ...rest } = machine;
      return { ...rest, ...about, stages: { ...machine.stages, [stage]: Date.now() } };
    });
    return isNew;
  }

  /** Whoever sends many addresses pushes out those that nobody has seen for longest, and fills nothing. */
  async #makeRoom(mac: string): Promise<void> {
    if (this.get(mac)) return;
    const all = this.list();
    for (const old of all.slice(0, Math.max(0, all.length - NETBOOT_MACHINES_MAX + 1)))
      await this.#table.update(nameOf(old.mac), () => undefined);
  }
}

/** How far it is: the last stage in the order of a boot. */
export const stageOf = ({ stages }: Pick<Machine, "stages">): NetbootStage | undefined =>
  NETBOOT_STAGES.findLast((stage) => stages[stage] !== undefined);
