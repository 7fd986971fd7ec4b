import { Assigned, BomaError, NETBOOT_STAGES, NodeId, printJoinToken } from "@boma/protocol";
import { z } from "zod";

import { stageOf } from "../../netboot/machines.ts";
import { BootWindow, Install, Mac, Uuid } from "../../netboot/windows.ts";
import { defineVerb } from "../verb.ts";

const WINDOW_MS_MAX = 10 * 366 * 24 * 3_600_000;
const Text = z.string().max(255);

export const netbootOpen = defineVerb({
  verb: "netboot.open",
  right: "admin",
  args: z.strictObject({
    for: BootWindow.shape.for,
    assigned: Assigned,
    node: NodeId.optional(),
    image: z.string().max(63).optional(),
    diskless: z.boolean(),
    install: Install.optional(),
    boots: z.number().int().positive().optional(),
    ttlMs: z.number().int().min(1000).max(WINDOW_MS_MAX),
  }),
  async answer(opening, { control, operator }) {
    return control.netboot.openWindow({ ...opening, openedBy: operator.name });
  },
});

export const netbootClose = defineVerb({
  verb: "netboot.close",
  right: "admin",
  args: z.strictObject({ id: z.string() }),
  async answer({ id }, { control, operator }) {
    await control.netboot.closeWindow(id, operator.name);
    return { id };
  },
});

export const netbootStatus = defineVerb({
  verb: "netboot.status",
  right: "read",
  args: z.strictObject({}),
  async answer(_, { control: { netboot } }) {
    const machines = netboot.machines.list().map(({ token: _token, ...machine }) => ({
      ...machine,
      stage: stageOf(machine),
    }));
    return { windows: netboot.windows.list(), machines };
  },
});

/** Whom the boot service is to believe about images, and what every image carries. */
export const netbootTrust = defineVerb({
  verb: "netboot.trust",
  right: "netboot",
  args: z.strictObject({}),
  async answer(_, { control }) {
    const { root, release } = control.keyring();
    if (release) return { root, release, join: printJoinToken(control.joinKit()) };
    throw new BomaError("image/refused", "no release key is pinned, so no image can be believed", {
      hint: "Pin one: `boma-master bundle key`, then `boma-master bundle pin`.",
    });
  },
});

export const netbootBoot = defineVerb({
  verb: "netboot.boot",
  right: "netboot",
  args: z.strictObject({
    mac: Mac,
    uuid: Uuid.optional(),
    serial: Text.optional(),
    arch: z.string().max(16),
    address: z.string().max(64),
    tellProfile: z.boolean().optional(),
  }),
  async answer(asking, { control, operator }) {
    return control.netboot.boot(asking, operator.name);
  },
});

const Saw = z.discriminatedUnion("kind", [
  z.strictObject({
    kind: z.literal("stage"),
    mac: Mac,
    // What comes after them the master sees itself, and lets nobody say.
    stage: z.enum(NETBOOT_STAGES).extract(["dhcp", "kernel", "initrd"]),
    address: z.string().max(64).optional(),
  }),
  z.strictObject({ kind: z.literal("image-refused"), image: Text, why: z.string().max(2000) }),
  z.strictObject({ kind: z.literal("rogue-dhcp"), server: Text, offers: z.string().max(2000) }),
]);

export const netbootTell = defineVerb({
  verb: "netboot.tell",
  right: "netboot",
  args: z.strictObject({ saw: Saw }),
  async answer({ saw }, { control: { netboot, events } }) {
    if (saw.kind === "stage") await netboot.saw(saw.mac, saw.stage, saw.address);
    else if (saw.kind === "image-refused")
      await events.told({ kind: "netboot.image-refused", data: { image: saw.image, why: saw.why } });
    else await events.told({ kind: "netboot.rogue-dhcp", data: { server: saw.server, offers: saw.offers } });
    return {};
  },
});
