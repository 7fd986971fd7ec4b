import { z } from "zod";

import { type Changes, diff, inSync } from "../../changes.ts";
import { defineState } from "../../define-state.ts";
import type { Host } from "../../host/host.ts";
import { cluster, EXAMPLE_KEY, FSID, json } from "./example-cluster.ts";
import { type DiskState, stateOfDisk } from "./osd-disk.ts";
import {
  announce,
  assertNotLost,
  dirOf,
  furnish,
  type HomeProperties,
  instance,
  lookAtHome,
  makeStore,
  type Osd,
  OSD_DIR,
  restart,
  start,
  uuidOf,
} from "./osd-home.ts";
import { assertKey, CONF, daemonPorts, From, Fsid, Key } from "./parameters.ts";
import { restartsOsd } from "./turns.ts";

const params = z.strictObject({
  device: z
    .string()
    .max(300)
    .regex(/^\/dev\/disk\/by-id\/(?!.*-part\d+$)[A-Za-z0-9_.:+-]+$/, "a whole disk below /dev/disk/by-id")
    .describe("The disk, by the name that it has in whatever slot: /dev/disk/by-id/…."),
  expect: z
    .strictObject({
      serial: z.string().min(1).max(200).describe("Its serial number, as `lsblk -o SERIAL` shows it."),
      bytes: z
        .int()
        .min(1024 ** 2)
        .describe("Its size in bytes, as `lsblk -b` shows it."),
    })
    .describe("What this disk is known by. Another one is not touched."),
  fsid: Fsid,
  key: Key.describe("Its key: secret(`gen:ceph/osd/NAME?enc=ceph`), another one for each disk."),
  from: From,
});
type Want = z.output<typeof params>;

interface Properties extends HomeProperties {
  /** What the disk is to the cluster. */
  disk: string;
}

export default defineState({
  name: "ceph.osd",
  summary:
    "A whole disk that keeps data of a Ceph cluster. Only an empty one is taken, and none is ever wiped.",
  key: "device",
  params,
  secretive: ["key"],
  stage: "storage",
  claims: ({ device }) => [`blk:${device}`],
  after: () => [`file:${CONF}`, "user:ceph"],
  needs: ({ from }) => daemonPorts("osd", from),
  timeoutMs: 30 * 60_000,

  async check(want, host): Promise<Changes<Properties>> {
    assertKey("key", want.key);
    const disk = await stateOfDisk(want, idOf(want), host);
    if (disk.is === "made") return lookAtHome(osdOf(want, disk), host);
    if (disk.is === "empty") await assertNotLost(idOf(want), want.device, host);
    return diff<Pick<Properties, "disk" | "active">>({ disk: disk.is }, { disk: "made", active: "active" });
  },

  async apply(_, want, host) {
    const found = await stateOfDisk(want, idOf(want), host);
    const osd = found.is === "made" ? osdOf(want, found) : await make(want, found, host);
    if (found.is === "made" && !inSync(await lookAtHome(osd, host))) await settle(osd, host);
    await start(osd, host);
  },

  async refresh(want, host) {
    const found = await stateOfDisk(want, idOf(want), host);
    if (found.is === "made") await restart(found, host);
  },
  protects: async () => "the cluster would be without this disk for a while",
  restarts: ({ device }) => restartsOsd(`ceph-osd on ${device}`),
  async instance(want, host) {
    const found = await stateOfDisk(want, idOf(want), host);
    return found.is === "made" ? instance(found, host.services) : undefined;
  },

  examples: [
    {
      title: "an empty disk",
      key: "/dev/disk/by-id/wwn-0x5000c500a1b2c3d4",
      params: { expect: { serial: "ZA1B2C3D", bytes: 4_000_787_030_016 }, fsid: FSID, key: EXAMPLE_KEY },
      given: exampleDisk(),
    },
  ],
});

const idOf = ({ fsid, device, expect }: Want): string => uuidOf(fsid, device, expect.serial, expect.bytes);

const osdOf = ({ key, device }: Want, { id, uuid }: { readonly id: number; readonly uuid: string }): Osd => ({
  id,
  uuid,
  key,
  device,
});

/** Each step finds what the one before has left, so that it can be killed between any two. */
async function make(want: Want, found: DiskState, host: Host): Promise<Osd> {
  const uuid = idOf(want);
  const osd = osdOf(want, { id: await announce(uuid, want.key, host), uuid });
  await furnish(osd, host);
  // Once more at the last moment: it took a while to get here.
  if (found.is === "empty") await stateOfDisk(want, uuid, host);
  await makeStore(osd, host);
  return osd;
}

/** The machine is new and its disks are not: what stands in the directory is on the disk as well. */
async function settle(osd: Osd, host: Host): Promise<void> {
  await furnish(osd, host);
  if (await host.files.stat(`${dirOf(osd.id)}/whoami`)) return;
  const argv = ["ceph-bluestore-tool", "prime-osd-dir", "--dev", osd.device!, "--path", dirOf(osd.id)];
  await host.commands.must({ argv, quiet: true });
  await host.commands.must({ argv: ["chown", "-R", "ceph:ceph", dirOf(osd.id)] });
}

function exampleDisk() {
  const device = "/dev/disk/by-id/wwn-0x5000c500a1b2c3d4";
  const [serial, bytes] = ["ZA1B2C3D", 4_000_787_030_016];
  const uuid = uuidOf(FSID, device, serial, bytes);
  const showLabel = `ceph-bluestore-tool show-label --dev ${device}`;
  const label = { osd_uuid: uuid, ceph_fsid: FSID, mkfs_done: "yes", whoami: "3" };
  const mkfs = `ceph-osd --mkfs -i 3 --osd-uuid ${uuid} --osd-objectstore bluestore --setuser ceph --setgroup ceph`;
  return {
    files: { [OSD_DIR]: { directory: true as const }, "/etc/ceph/ceph.client.admin.keyring": "" },
    devices: { "/dev/sdb": { bytes, serial, links: [device] } },
    services: { "ceph-osd@3": {} },
    commands: {
      ...cluster({
        "osd dump": json({ fsid: FSID, flags_set: [], osds: [] }),
        [`osd new ${uuid} -i -`]: json({ osdid: 3 }),
      }),
      chown: {},
      [showLabel]: { exitCode: 1, stderr: "unable to read label" },
      [mkfs]: {
        teaches: { [showLabel]: json({ [device]: label }) },
        makes: { [`${dirOf(3)}/whoami`]: "3\n" },
      },
    },
  };
}
