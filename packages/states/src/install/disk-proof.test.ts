/** A disk is written only when it is proven empty, and what is said of it is why it is not. */
import { expect, test } from "vitest";

import { writeHost } from "../host/host.ts";
import type { Given, GivenDevice } from "../testing/given.ts";
import { memoryHost } from "../testing/memory-host.ts";
import { chooseDisk } from "./choose-disk.ts";
import { layoutScript, partitionPath, partitionsOf, readNames, UNFINISHED } from "./disk-layout.ts";
import { judgeDisk, standingOf } from "./disk-proof.ts";

const GIB = 1024 ** 3;
const EMPTY: GivenDevice = { bytes: 8 * GIB, serial: "S1" };

const hostWith = (devices: Given["devices"], more: Given = {}) =>
  writeHost(memoryHost({ ...more, devices: devices! }).ports);
const judge = (disk: Partial<GivenDevice>, more: Given = {}) =>
  judgeDisk("/dev/sda", hostWith({ "/dev/sda": { ...EMPTY, ...disk }, ...more.devices }, more));

test("a disk of zeros without any signature is empty, with a serial number or without", async () => {
  expect(await judge({})).toMatchObject({ standing: "empty" });
  expect(await judge({ serial: undefined as never })).toMatchObject({ standing: "empty" });
});

test.each<[what: string, disk: Partial<GivenDevice>, says: string]>([
  ["a filesystem", { filesystem: "ext4" }, "ext4"],
  ["a volume of LVM", { signatures: ["LVM2_member"] }, "LVM2_member"],
  ["a table's second copy at its end", { signatures: ["gpt"] }, "gpt"],
  ["a label of Ceph", { signatures: ["ceph_bluestore"] }, "ceph_bluestore"],
  ["something in the middle that nothing knows", { writtenAt: 3 * GIB }, `byte ${3 * GIB}`],
])("one with %s holds data, and it says what", async (_what, disk, says) => {
  const judged = await judge(disk);
  expect(judged).toMatchObject({ standing: "data", why: expect.stringContaining(says) as string });
});

test.each<[what: string, disk: Partial<GivenDevice>, more: Given, says: string]>([
  ["mounted", { mountpoints: ["/srv"] }, {}, "in use at /srv"],
  ["held by somebody", { held: true }, {}, "has it in use"],
  ["read-only", { readOnly: true }, {}, "only be read"],
  ["too small", { bytes: GIB }, {}, "1024 MiB"],
  ["a member of a group", {}, { volumeGroups: { data: { devices: ["/dev/sda"] } } }, "volume group data"],
])("one that is %s cannot be used, whoever allows it", async (_what, disk, more, says) => {
  const judged = await judge(disk, more);
  expect(judged).toMatchObject({ standing: "unfit", why: expect.stringContaining(says) as string });
});

const looked = async (names: readonly string[] | undefined) => {
  const { evidence } = await judge({ signatures: ["gpt"] });
  return standingOf({ device: { bytes: 8 * GIB, removable: false }, evidence, names, writtenAt: 0 });
};

test("a disk whose partitions are all of an unfinished installation is begun with again; one other partition makes it data", async () => {
  expect(await looked([UNFINISHED, UNFINISHED])).toMatchObject({ standing: "unfinished" });
  expect(await looked([UNFINISHED, "home"])).toMatchObject({ standing: "data" });
  expect(await looked(["boma-esp", "boma-root"])).toMatchObject({ standing: "data" });
  expect(await looked([])).toMatchObject({ standing: "data" });
});

test("an unfinished disk that is in use all the same is left alone", async () => {
  const { evidence } = await judge({ signatures: ["gpt"], mountpoints: ["/mnt"] });
  const names = [UNFINISHED];
  const device = { bytes: 8 * GIB, removable: false };
  expect(standingOf({ device, evidence, names, writtenAt: 0 })).toMatchObject({ standing: "unfit" });
});

test("without a name the only empty disk is meant, and those beside it are not touched", async () => {
  const host = hostWith({
    "/dev/sda": { ...EMPTY, filesystem: "ext4" },
    "/dev/sdb": { ...EMPTY, serial: "S2" },
    "/dev/sdc": { ...EMPTY, removable: true },
    "/dev/zram0": { ...EMPTY },
  });
  expect((await chooseDisk(undefined, host)).evidence.path).toBe("/dev/sdb");
});

test("two empty disks are a refusal that names both, and so is none", async () => {
  const two = hostWith({ "/dev/sda": EMPTY, "/dev/sdb": { ...EMPTY, serial: "S2" } });
  await expect(chooseDisk(undefined, two)).rejects.toMatchObject({
    code: "install/disk",
    message: expect.stringMatching(
      /2 disks.*\/dev\/sda \(serial number S1.*\/dev\/sdb \(serial number S2/,
    ) as string,
  });
  const none = hostWith({ "/dev/sda": { ...EMPTY, filesystem: "xfs" } });
  await expect(chooseDisk(undefined, none)).rejects.toMatchObject({
    code: "install/disk",
    message: expect.stringMatching(/\/dev\/sda.*xfs/) as string,
  });
});

test("a disk that was named is looked at, removable or not", async () => {
  const host = hostWith({ "/dev/sda": { ...EMPTY, removable: true }, "/dev/sdb": EMPTY });
  expect(await chooseDisk("/dev/sda", host)).toMatchObject({ standing: "empty" });
  await expect(chooseDisk("/dev/sdz", host)).rejects.toMatchObject({ code: "permit/evidence" });
});

test("partitions are found by their disk's name, whatever it ends with", () => {
  expect(["/dev/sda", "/dev/nvme0n1", "/dev/mmcblk0"].map((disk) => partitionPath(disk, 2))).toEqual([
    "/dev/sda2",
    "/dev/nvme0n1p2",
    "/dev/mmcblk0p2",
  ]);
});

test("every partition has the name of what is unfinished until the last step; BIOS has one only where there is BIOS", () => {
  for (const arch of ["amd64", "arm64"] as const) {
    const lines = layoutScript(arch).trimEnd().split("\n").slice(1);
    expect(lines).toHaveLength(partitionsOf(arch).length);
    expect(lines.every((line) => line.includes(`name="${UNFINISHED}"`))).toBe(true);
  }
  expect(partitionsOf("arm64").map(({ use }) => use)).toEqual(["esp", "root"]);
});

test("names are read as sfdisk writes them, also where a partition has none", () => {
  const table = { label: "gpt", partitions: [{ node: "/dev/sda1", name: "a" }, { node: "/dev/sda2" }] };
  expect(readNames(JSON.stringify({ partitiontable: table }))).toEqual(["a", ""]);
});
