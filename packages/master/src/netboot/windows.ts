/** Boot windows: which machines an operator lets boot, until when, and what becomes of them. */
import { Assigned, BomaError, NETBOOT_WINDOWS_MAX, NodeId } from "@boma/protocol";
import { DevicePath } from "@boma/states/core";
import { z } from "zod";

import type { Store } from "../store/store.ts";
import { Table } from "../store/table.ts";

export const Mac = z
  .string()
  .toLowerCase()
  .regex(/^[0-9a-f]{2}(:[0-9a-f]{2}){5}$/, "a MAC address such as 52:54:00:12:34:56");
export const Uuid = z
  .string()
  .toLowerCase()
  .regex(
    /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/,
    "a UUID such as 4c4c4544-0042-3510-8054-b4c04f564c32",
  );

export const Install = z.strictObject({ disk: DevicePath.optional() });
export type Install = z.output<typeof Install>;

export const BootWindow = z.strictObject({
  id: z.string().regex(/^[0-9A-Z]{6}$/),
  for: z.discriminatedUnion("by", [
    z.strictObject({ by: z.literal("mac"), value: Mac }),
    z.strictObject({ by: z.literal("uuid"), value: Uuid }),
    z.strictObject({ by: z.literal("any"), value: z.literal("*") }),
  ]),
  assigned: Assigned,
  /** What the node is called, where the window is one machine's. */
  node: NodeId.optional(),
  /** The image that it gets; without one the first of its architecture. */
  image: z.string().max(63).optional(),
  diskless: z.boolean(),
  /** It is put on a disk: this one, or the only one that is proven empty. */
  install: Install.optional(),
  /** Boots that are left; without it, as many as come. One that has none left is for the boots that it has begun. */
  boots: z.number().int().nonnegative().optional(),
  openedBy: z.string(),
  openedAt: z.number(),
  until: z.number(),
});
export type BootWindow = z.output<typeof BootWindow>;

export interface Booting {
  readonly mac: string;
  readonly uuid?: string | undefined;
}

/** Boards that were never given an id of their own say the same one: where one character is more than half, it is none. */
export function isJunkUuid(uuid: string): boolean {
  const digits = uuid.replaceAll("-", "");
  return Object.values(Object.groupBy(digits, (digit) => digit)).some((same) => same!.length > 16);
}

export class Windows {
  readonly #table: Table<BootWindow>;

  private constructor(table: Table<BootWindow>) {
    this.#table = table;
  }

  static async open(store: Store): Promise<Windows> {
    return new Windows(await Table.open(store, "boot-window", BootWindow));
  }

  list(now = Date.now()): BootWindow[] {
    return [...this.#table.values()]
      .filter(({ until }) => until > now)
      .toSorted((a, b) => a.openedAt - b.openedAt);
  }

  async add(window: BootWindow): Promise<void> {
    const now = Date.now();
    for (const { id, until, boots, for: machine } of this.#table.values())
      if (until <= now || (boots === 0 && machine.value === window.for.value))
        await this.#table.update(id, () => undefined);
    const open = this.list(now);
    const same = open.find(({ for: { value } }) => value === window.for.value);
    if (same)
      throw new BomaError("netboot/window", `the window ${same.id} is open for ${window.for.value} already`, {
        hint: `Close it first: \`boma-master netboot close ${same.id}\`.`,
      });
    if (open.length >= NETBOOT_WINDOWS_MAX)
      throw new BomaError("netboot/window", `${open.length} windows are open, and no more can be`);
    await this.#table.update(window.id, () => window);
  }

  async close(id: string): Promise<void> {
    if (!this.#table.get(id))
      throw new BomaError("netboot/window", `there is no window ${JSON.stringify(id)}`);
    await this.#table.update(id, () => undefined);
  }

  /** The window of this machine: its own before one for any. `begun` is the one in which it has begun a boot. */
  find({ mac, uuid }: Booting, begun?: string): BootWindow | undefined {
    const open = this.list().filter(({ id, boots }) => boots !== 0 || id === begun);
    const by = (kind: BootWindow["for"]["by"], value: string | undefined) =>
      value === undefined ? undefined : open.find((one) => one.for.by === kind && one.for.value === value);
    return by("mac", mac) ?? by("uuid", uuid) ?? by("any", "*");
  }

  /** Takes one of the boots that are left. `undefined` where there is none: another machine was quicker. */
  async take(id: string): Promise<BootWindow | undefined> {
    let taken: BootWindow | undefined;
    await this.#table.update(id, (window) => {
      taken = window?.boots === 0 ? undefined : window;
      return taken?.boots === undefined ? window : { ...taken, boots: taken.boots - 1 };
    });
    return taken;
  }
}
