import { BomaError } from "@boma/protocol";
import { z } from "zod";

import { diff } from "../../changes.ts";
import { defineState } from "../../define-state.ts";
import type { PhysicalVolume, ReadStorage } from "../../host/storage.ts";
import { assertEmpty, findDevice } from "../fs/proven-empty.ts";
import { DevicePath, LvmName } from "./parameters.ts";

export default defineState({
  name: "lvm.vg",
  summary: "A volume group on these devices. It takes empty ones only, and gives none away.",
  key: "name",
  params: z.strictObject({
    name: LvmName.describe("The name of the group."),
    devices: z
      .array(DevicePath)
      .min(1)
      .max(64)
      .describe("Paths that stay the same: /dev/disk/by-id/…. Others that the group has stay in it."),
  }),
  claims: ({ name, devices }) => [`vg:${name}`, ...devices.map((device) => `blk:${device}`)],
  warnings: ({ devices }) =>
    devices
      .filter((device) => !device.startsWith("/dev/disk/by-"))
      .map((device) => `${device} may be another disk after a boot: name it by /dev/disk/by-id`),

  async check({ name, devices }, { storage }) {
    const volumes = await storage.physicalVolumes();
    const held: string[] = [];
    for (const device of devices) {
      const { path } = await findDevice(device, storage);
      const volume = volumes.find((one) => one.device === path);
      if (volume?.group === name) held.push(device);
      else await assertFree(device, volume, storage);
    }
    return diff({ devices: held }, { devices });
  },

  async apply({ devices }, { name }, { storage }) {
    if (!devices) return;
    const groups = await storage.groups();
    const wanted = devices.to.filter((device) => !devices.from?.includes(device));
    if (groups.some((group) => group.name === name)) await storage.extendGroup(name, wanted);
    else await storage.createGroup(name, wanted);
  },

  examples: [
    {
      title: "a group on two empty disks",
      key: "vg0",
      params: { devices: ["/dev/disk/by-id/virtio-a", "/dev/disk/by-id/virtio-b"] },
      given: {
        devices: {
          "/dev/vdb": { bytes: 1e9, links: ["/dev/disk/by-id/virtio-a"] },
          "/dev/vdc": { bytes: 1e9, links: ["/dev/disk/by-id/virtio-b"] },
        },
      },
    },
    {
      title: "a group that gets another disk",
      key: "vg0",
      params: { devices: ["/dev/disk/by-id/virtio-a", "/dev/disk/by-id/virtio-b"] },
      given: {
        volumeGroups: { vg0: { devices: ["/dev/vdb"] } },
        devices: {
          "/dev/vdb": { bytes: 1e9, links: ["/dev/disk/by-id/virtio-a"], written: true },
          "/dev/vdc": { bytes: 1e9, links: ["/dev/disk/by-id/virtio-b"] },
        },
      },
    },
  ],
});

/** A physical volume of no group holds nothing: a creation that was cut off leaves one. */
async function assertFree(
  device: string,
  volume: PhysicalVolume | undefined,
  storage: ReadStorage,
): Promise<void> {
  if (!volume) return assertEmpty(device, storage);
  if (volume.group !== undefined)
    throw new BomaError("state/blocked", `${device} belongs to the volume group ${volume.group}`);
}
