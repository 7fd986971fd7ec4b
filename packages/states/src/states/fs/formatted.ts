import { BomaError } from "@boma/protocol";
import { z } from "zod";

import { diff } from "../../changes.ts";
import { defineState } from "../../define-state.ts";
import type { ReadStorage } from "../../host/storage.ts";
import { DevicePath } from "../lvm/parameters.ts";
import { assertEmpty } from "./proven-empty.ts";

/** What a filesystem may leave unused of its device because it comes in groups of blocks. */
const SLACK_BYTES = 8 * 1024 * 1024;

const GROWING: readonly string[] = ["ext2", "ext3", "ext4", "xfs"];

interface Want {
  readonly device: string;
  readonly type: string;
  readonly label?: string | undefined;
  readonly grow: boolean;
}

export default defineState({
  name: "fs.formatted",
  summary: "A device with a filesystem. One that holds anything else is left alone, and the state fails.",
  key: "device",
  params: z.strictObject({
    device: DevicePath.describe("Its path, one that stays the same: /dev/disk/by-id/…, /dev/GROUP/VOLUME."),
    type: z.enum(["ext4", "ext3", "ext2", "xfs", "btrfs", "vfat"]).describe("The kind of filesystem."),
    label: z
      .string()
      .regex(/^[a-z0-9][a-z0-9._-]{0,10}$/i, "at most eleven letters, digits, dots and hyphens")
      .optional()
      .describe("Its label."),
    options: z
      .array(z.string().regex(/^[^\0\n]+$/))
      .max(40)
      .default([])
      .describe("Further words for mkfs, when it is made."),
    grow: z.boolean().default(true).describe("Let it grow with its device. It never shrinks."),
  }),
  claims: ({ device }) => [`blk:${device}`],
  after: ({ device }) => {
    const [, group, volume] = /^\/dev\/(?!disk\/)([^/]+)\/([^/]+)$/.exec(device) ?? [];
    return group === undefined ? [] : [`lv:${group}/${volume}`];
  },

  async check(want, { storage }) {
    const device = await storage.device(want.device);
    // It may be a volume that an earlier declaration makes; apply finds out.
    if (!device) return diff<{ type: string; label: string; bytes: number }>(undefined, wanted(want));
    const { type, label } = await storage.probe(want.device);
    if (type !== want.type) await assertFree(want, type, storage);
    const bytes = type === want.type ? await smallerBy(want, device.bytes, storage) : undefined;
    return diff({ type, label, bytes: bytes?.from }, { ...wanted(want), bytes: bytes?.to });
  },

  async apply({ type, label, bytes }, want, { storage }) {
    if (type) {
      // Once more at the last moment: it may be another disk by now.
      await assertEmpty(want.device, storage);
      return storage.makeFilesystem(want.device, want);
    }
    if (label) await storage.setLabel(want.device, want.type, label.to);
    if (bytes) await storage.growFilesystem(want.device, want.type);
  },

  examples: [
    {
      title: "an empty disk",
      key: "/dev/disk/by-id/virtio-data",
      params: { type: "ext4", label: "data" },
      given: { devices: { "/dev/vdb": { bytes: 1e9, links: ["/dev/disk/by-id/virtio-data"] } } },
    },
    {
      title: "a filesystem that is smaller than its volume, and has another label",
      key: "/dev/vg0/srv",
      params: { type: "ext4", label: "srv" },
      given: {
        devices: {
          "/dev/vg0/srv": { bytes: 2e9, filesystem: "ext4", label: "old", filesystemBytes: 1e9 },
        },
      },
    },
  ],
});

const wanted = ({ type, label }: Want): { type: string; label: string | undefined; bytes: undefined } => ({
  type,
  label,
  bytes: undefined,
});

async function assertFree(want: Want, type: string | undefined, storage: ReadStorage): Promise<void> {
  if (type !== undefined)
    throw new BomaError("state/blocked", `${want.device} holds ${type}, not ${want.type}`, {
      hint: "It was left as it is. If nothing on it is needed, wipe it by hand: `wipefs -a`.",
    });
  await assertEmpty(want.device, storage);
}

/** How far a filesystem is behind its device, where it is by more than it leaves unused anyway. */
async function smallerBy(
  { device, type, grow }: Want,
  bytes: number,
  storage: ReadStorage,
): Promise<{ from: number; to: number } | undefined> {
  if (!grow || !GROWING.includes(type)) return undefined;
  const used = await storage.filesystemBytes(device, type);
  return used === undefined || bytes - used < SLACK_BYTES ? undefined : { from: used, to: bytes };
}
