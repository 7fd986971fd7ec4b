import { describe, expect, test } from "vitest";

import { parseLvs, parsePvs, parseVgs } from "./lvm-report.ts";
import { extBytes, parseBlkid, parseLsblk, parseWipefs, xfsBytes } from "./storage-reports.ts";
import { labelCommand, mkfsWords } from "./storage.ts";

describe("what programs print", () => {
  test("a disk of lsblk carries all that lies on it, however deep, and is mounted where they are", () => {
    const text = JSON.stringify({
      blockdevices: [
        {
          path: "/dev/sda",
          type: "disk",
          size: 1000,
          ro: false,
          mountpoints: [null],
          children: [
            {
              path: "/dev/sda1",
              type: "part",
              size: 900,
              ro: false,
              mountpoints: [null],
              children: [
                { path: "/dev/mapper/vg0-srv", type: "lvm", size: 500, ro: false, mountpoints: ["/srv"] },
                { path: "/dev/mapper/vg0-swap", type: "lvm", size: 100, ro: false, mountpoints: ["[SWAP]"] },
              ],
            },
          ],
        },
      ],
    });
    expect(parseLsblk(text)).toEqual({
      path: "/dev/sda",
      type: "disk",
      bytes: 1000,
      readOnly: false,
      removable: false,
      serial: undefined,
      parent: undefined,
      children: ["/dev/sda1", "/dev/mapper/vg0-srv", "/dev/mapper/vg0-swap"],
      mountpoints: ["/srv", "[SWAP]"],
    });
    expect(
      parseLsblk(
        '{"blockdevices":[{"path":"/dev/sdb1","type":"part","size":9,"ro":true,"rm":true,"serial":" WD-1 ","pkname":"sdb","mountpoints":[null]}]}',
      ),
    ).toMatchObject({ readOnly: true, removable: true, serial: "WD-1", parent: "/dev/sdb" });
    expect(parseLsblk('{"blockdevices":[]}')).toBeUndefined();
    expect(() => parseLsblk('{"blockdevices":[{"path":1}]}')).toThrow();
  });

  test("blkid tells nothing, one thing and several things apart, and a failure from all of them", () => {
    expect(parseBlkid("DEVNAME=/dev/sdb\nLABEL=my\\ data\nTYPE=ext4\nUSAGE=filesystem\n", 0)).toMatchObject({
      type: "ext4",
      label: "my data",
    });
    expect(parseBlkid("PTTYPE=gpt\n", 0)).toMatchObject({ type: undefined, partitionTable: "gpt" });
    expect(parseBlkid("", 2)).toMatchObject({ type: undefined, partitionTable: undefined });
    expect(parseBlkid("", 8)).toEqual({ ambivalent: true });
    for (const failed of [1, 4, 127, null]) expect(parseBlkid("", failed)).toBeUndefined();
  });

  test("wipefs lists signatures, and garbage is not taken for none", () => {
    expect(
      parseWipefs('{"signatures":[{"device":"sdb","type":"gpt"},{"device":"sdb","type":"PMBR"}]}'),
    ).toEqual(["gpt", "PMBR"]);
    expect(parseWipefs("")).toEqual([]);
    expect(() => parseWipefs("{}")).toThrow();
  });

  test("the size of a filesystem is its blocks", () => {
    expect(extBytes("Block count:              5120\nBlock size:               4096\n")).toBe(5120 * 4096);
    expect(extBytes("Bad magic number")).toBeUndefined();
    const data = "data     =                       bsize=4096   blocks=262144, imaxpct=25\n";
    expect(xfsBytes(`meta-data=/dev/sdb isize=512 agcount=4, agsize=65536 blks\n${data}`)).toBe(2 ** 30);
  });

  test("reports of LVM, written after its manual, are groups, volumes and devices that are in none", () => {
    expect(
      parsePvs(
        '{"report":[{"pv":[{"pv_name":"/dev/sdb","vg_name":"vg0"},{"pv_name":"/dev/sdc","vg_name":""}]}]}',
      ),
    ).toEqual([
      { device: "/dev/sdb", group: "vg0" },
      { device: "/dev/sdc", group: undefined },
    ]);
    expect(
      parseVgs(
        '{"report":[{"vg":[{"vg_name":"vg0","vg_extent_size":"4194304","vg_size":"1069547520","vg_free":"964689920"}]}]}',
      ),
    ).toEqual([{ name: "vg0", extentBytes: 4194304, bytes: 1069547520, freeBytes: 964689920 }]);
    expect(parseLvs('{"report":[{"lv":[{"vg_name":"vg0","lv_name":"srv","lv_size":"104857600"}]}]}')).toEqual(
      [{ group: "vg0", name: "srv", bytes: 104857600 }],
    );
    expect(parseLvs('{"report":[{"lv":[]}]}')).toEqual([]);
    expect(() => parseVgs('{"report":[{"vg":[{"vg_name":"vg0"}]}]}')).toThrow(/vg_extent_size/);
  });

  test("each kind of filesystem has its own words for a label, and none is told to be forceful", () => {
    expect(mkfsWords({ type: "ext4", label: "a", options: ["-m", "1"] })).toEqual(["-m", "1", "-L", "a"]);
    expect(mkfsWords({ type: "vfat", label: "a" })).toEqual(["-n", "a"]);
    expect(labelCommand("xfs", "a", "/dev/sdb")).toEqual(["xfs_admin", "-L", "a", "/dev/sdb"]);
  });
});
