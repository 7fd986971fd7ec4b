import { BomaError } from "@boma/protocol";
import { z } from "zod";

import { diff } from "../../changes.ts";
import { defineState } from "../../define-state.ts";
import type { Volume, VolumeGroup } from "../../host/storage.ts";
import { ALL_FREE, bytesOf, LvmName, Size, sizeOf } from "./parameters.ts";

interface Want {
  readonly volume: string;
  readonly size: string;
}

export default defineState({
  name: "lvm.lv",
  summary: "A logical volume of at least this size. It grows, and never shrinks.",
  key: "volume",
  params: z.strictObject({
    volume: z
      .string()
      .refine((text) => {
        const parts = text.split("/");
        return parts.length === 2 && parts.every((part) => LvmName.safeParse(part).success);
      }, "a group and a name: vg0/srv")
      .describe("The group and the name: vg0/srv."),
    size: Size.describe("Its size in powers of 1024, 20G, rounded up to whole extents; or 100%FREE."),
  }),
  claims: ({ volume }) => [`lv:${volume}`],
  after: ({ volume }) => [`vg:${volume.split("/")[0]}`],

  async check(want, { storage }) {
    const [groupName, name] = partsOf(want);
    const group = (await storage.groups()).find((one) => one.name === groupName);
    const volume = (await storage.volumes()).find((one) => one.group === groupName && one.name === name);
    const size = volume && sizeOf(volume.bytes);
    return diff({ size: isLargeEnough(want, volume, group) ? want.size : size }, { size: want.size });
  },

  async apply({ size }, want, { storage }) {
    if (!size) return;
    const [groupName, name] = partsOf(want);
    const group = (await storage.groups()).find((one) => one.name === groupName);
    if (!group)
      throw new BomaError("state/unsupported", `there is no volume group ${groupName}`, {
        hint: "Declare it: lvm.vg.",
      });
    const extents = want.size === ALL_FREE ? "all" : Math.ceil(bytesOf(want.size) / group.extentBytes);
    const volume = { group: groupName, name };
    if (size.from === undefined) await storage.createVolume(volume, extents);
    else await storage.extendVolume(volume, extents);
  },

  examples: [
    {
      title: "a volume that does not fill whole extents",
      key: "vg0/srv",
      params: { size: "101M" },
      given: {
        devices: { "/dev/vdb": { bytes: 2 ** 30, written: true } },
        volumeGroups: { vg0: { devices: ["/dev/vdb"] } },
      },
    },
    {
      title: "a volume that grows into all that is free",
      key: "vg0/srv",
      params: { size: "100%FREE" },
      given: {
        devices: { "/dev/vdb": { bytes: 2 ** 30, written: true } },
        volumeGroups: { vg0: { devices: ["/dev/vdb"], volumes: { srv: 100 * 2 ** 20 } } },
      },
    },
  ],
});

function partsOf({ volume }: Want): [string, string] {
  const [group = "", name = ""] = volume.split("/");
  return [group, name];
}

function isLargeEnough(want: Want, volume: Volume | undefined, group: VolumeGroup | undefined): boolean {
  if (!volume || !group) return false;
  if (want.size === ALL_FREE) return group.freeBytes < group.extentBytes;
  const wanted = bytesOf(want.size);
  if (volume.bytes - wanted >= group.extentBytes)
    throw new BomaError(
      "state/blocked",
      `${want.volume} has ${sizeOf(volume.bytes)}, more than ${want.size}: it is never shrunk`,
      { hint: "Declare the size that it has." },
    );
  return volume.bytes >= wanted;
}
