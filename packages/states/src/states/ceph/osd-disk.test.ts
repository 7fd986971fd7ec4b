/** Which disks may become Ceph's, as a table: of all that may be on one, only nothing is enough. */
import { describe, expect, test } from "vitest";

import type { Given, GivenDevice } from "../../testing/given.ts";
import { tryState } from "../../testing/try-state.ts";
import { cluster, EXAMPLE_KEY, FSID, json } from "./example-cluster.ts";
import { uuidOf } from "./osd-home.ts";
import osd from "./osd.ts";

const DEVICE = "/dev/disk/by-id/wwn-0x1";
const BYTES = 2 ** 40;
const OWN = uuidOf(FSID, DEVICE, "S1", BYTES);
const params = { expect: { serial: "S1", bytes: BYTES }, fsid: FSID, key: EXAMPLE_KEY };
const showLabel = `ceph-bluestore-tool show-label --dev ${DEVICE}`;
const labelled = (label: object): NonNullable<Given["commands"]> => ({
  [showLabel]: json({ [DEVICE]: label }),
});

const machine = (device: Partial<GivenDevice>, more: Given = {}): Given => ({
  ...more,
  files: {
    "/var/lib/ceph/osd": { directory: true },
    "/etc/ceph/ceph.client.admin.keyring": "",
    ...more.files,
  },
  devices: { "/dev/sdb": { bytes: BYTES, serial: "S1", links: [DEVICE, "/dev/disk/by-path/x"], ...device } },
  services: { "ceph-osd@7": {} },
  commands: {
    ...cluster({
      "osd dump": json({ fsid: FSID, flags_set: [], osds: [] }),
      [`osd new ${OWN} -i -`]: json({ osdid: 7 }),
    }),
    chown: {},
    [showLabel]: { exitCode: 1 },
    [`ceph-osd --mkfs -i 7 --osd-uuid ${OWN} --osd-objectstore bluestore --setuser ceph --setgroup ceph`]: {
      teaches: {
        [showLabel]: json({ [DEVICE]: { osd_uuid: OWN, ceph_fsid: FSID, mkfs_done: "yes", whoami: "7" } }),
      },
      makes: { "/var/lib/ceph/osd/ceph-7/whoami": "7\n" },
    },
    ...more.commands,
  },
});

const REFUSED: [string, Partial<GivenDevice>, RegExp, Given?][] = [
  ["has another serial number", { serial: "S2" }, /S2, not S1/],
  ["tells no serial number", { serial: undefined as unknown as string }, /unknown, not S1/],
  ["has another size", { bytes: BYTES / 2 }, /bytes, not/],
  ["is a partition", { type: "part", parent: "/dev/sdb" }, /no whole disk.*part of \/dev\/sdb/],
  ["is a volume of LVM", { type: "lvm" }, /no whole disk/],
  ["is an array", { type: "raid1" }, /no whole disk/],
  ["is a stick that can be taken out", { removable: true }, /taken out/],
  ["can only be read", { readOnly: true }, /only be read/],
  ["has a partition table and partitions", { children: ["/dev/sdb1"], written: true }, /gpt/],
  ["has a filesystem", { filesystem: "ext4", label: "precious" }, /ext4 "precious"/],
  ["is a member of LVM", { signatures: ["LVM2_member"], written: true }, /LVM2_member/],
  ["is encrypted", { signatures: ["crypto_LUKS"], written: true }, /crypto_LUKS/],
  ["is a member of an array", { signatures: ["linux_raid_member"], written: true }, /linux_raid_member/],
  ["is a member of ZFS", { signatures: ["zfs_member"] }, /zfs_member/],
  ["is mounted", { mountpoints: ["/srv"] }, /mounted at \/srv/],
  ["is swapped to", { mountpoints: ["[SWAP]"] }, /SWAP/],
  ["is in use by whomever", { held: true }, /has it in use/],
  ["has data at its beginning, and no signature", { written: true }, /byte 0/],
  ["has data in its midst, and no signature", { writtenAt: 4_242_424_242 }, /byte 4242424242/],
  [
    "is named by another name in the fstab",
    {},
    /fstab mounts it at \/data/,
    { files: { "/etc/fstab": "/dev/disk/by-path/x /data ext4 noauto 0 0\n" } },
  ],
  [
    "is one of another cluster",
    { signatures: ["ceph_bluestore"], written: true },
    /a disk of Ceph already, 99999999/,
    {
      commands: labelled({
        osd_uuid: "99999999-0000-4000-8000-000000000000",
        ceph_fsid: "00000000-0000-4000-8000-000000000000",
        mkfs_done: "yes",
        whoami: "1",
      }),
    },
  ],
  [
    "was begun by somebody else, for nobody knows which cluster",
    { written: true },
    /\(unfinished\)/,
    { commands: labelled({ osd_uuid: "99999999-0000-4000-8000-000000000000" }) },
  ],
];

describe("a disk for Ceph", () => {
  test.each(REFUSED)("that %s is refused, and nothing is written", async (_why, device, said, more) => {
    await expect(tryState(osd, DEVICE, params, machine(device, more))).rejects.toMatchObject({
      code: "state/blocked",
      message: expect.stringMatching(said) as string,
    });
  });

  test.each(["/dev/sdb", "/dev/disk/by-path/x", "/dev/disk/by-id/wwn-0x1-part1", "/dev/disk/by-id/../sdb"])(
    "cannot be called %s",
    async (device) => {
      await expect(tryState(osd, device, params, machine({}))).rejects.toMatchObject({
        code: "state/params",
      });
    },
  );

  test("that holds nothing is taken, and the second time nothing is to do", async () => {
    const { changes, left, log } = await tryState(osd, DEVICE, params, machine({}));
    expect(Object.keys(changes)).toEqual(["disk", "active"]);
    expect(left).toEqual({});
    const argv = log.flatMap((line) => /"argv":\[.*?\]/.exec(line)?.[0] ?? []);
    expect(argv.length).toBeGreaterThan(2);
    expect(argv.join("\n")).not.toContain(EXAMPLE_KEY);
  });

  test("on which the making was cut off is made to its end", async () => {
    const given = machine(
      { signatures: ["ceph_bluestore"], written: true },
      { commands: labelled({ osd_uuid: OWN }) },
    );
    const { changes, left } = await tryState(osd, DEVICE, params, given);
    expect(changes).toMatchObject({ disk: { from: "unfinished" } });
    expect(left).toEqual({});
  });

  test("that is one of this cluster is taken up again on a machine that is new, and not made anew", async () => {
    const commands = {
      ...labelled({
        osd_uuid: "77777777-0000-4000-8000-000000000000",
        ceph_fsid: FSID,
        mkfs_done: "yes",
        whoami: "7",
      }),
      [`ceph-bluestore-tool prime-osd-dir --dev ${DEVICE} --path /var/lib/ceph/osd/ceph-7`]: {
        makes: { "/var/lib/ceph/osd/ceph-7/whoami": "7\n" },
      },
    };
    const given = machine({ signatures: ["ceph_bluestore"], written: true }, { commands });
    const { log, left } = await tryState(osd, DEVICE, params, given);
    expect(left).toEqual({});
    expect(log.filter((line) => /mkfs|osd new/.test(line))).toEqual([]);
  });

  test("that is empty, and known to the cluster as one that held data, is refused", async () => {
    const known = (more: object) => ({
      commands: cluster({
        "osd dump": json({
          fsid: FSID,
          flags_set: [],
          osds: [{ osd: 7, uuid: OWN, up: 0, in: 1, up_from: 0, state: ["exists", "new"], ...more }],
        }),
      }),
    });
    const lost = machine({}, known({ up_from: 12, state: ["exists"] }));
    await expect(tryState(osd, DEVICE, params, lost)).rejects.toMatchObject({
      code: "state/blocked",
      message: expect.stringContaining("osd.7") as string,
    });
    // One that was announced, and never got further, is the same as a new one.
    expect((await tryState(osd, DEVICE, params, machine({}, known({})))).left).toEqual({});
  });
});
