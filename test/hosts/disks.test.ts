/** Filesystems for real, on loop devices that the test makes: needs root. LVM cannot be tried where the kernel has no device-mapper. */
import { open } from "node:fs/promises";

import { readHost, states, writeHost } from "@boma/states";
import { describe, expect, test } from "vitest";

import { realHost } from "../../packages/agent/src/host/hosts.ts";
import { blankEnds } from "../../packages/agent/src/host/storage.ts";
import { exec, type LoopDisk, loopDisk, MIB } from "../../packages/agent/src/testing/loop.ts";

const ports = realHost.ports({ signal: new AbortController().signal, line: () => undefined });
const { read, write } = ports.storage;

const { spec } = states["fs.formatted"]!;

/** check, apply, check: what differed, and what still does. */
async function format(disk: LoopDisk, params: object): Promise<object[]> {
  const want = (spec.params as { parse: (given: object) => unknown }).parse({ device: disk.path, ...params });
  const first = (await spec.check(want as never, readHost(ports))) as object;
  await spec.apply(first as never, want as never, writeHost(ports));
  return [first, (await spec.check(want as never, readHost(ports))) as object];
}

/** The oldest kind: one entry, and the two bytes at the end of the sector by which it is known. */
async function writePartitionTable(path: string): Promise<void> {
  const sector = Buffer.alloc(512);
  const entry = [0x00, 0, 2, 0, 0x83, 0, 0, 0, 0, 8, 0, 0, 0, 0x40, 0, 0];
  Buffer.from(entry).copy(sector, 446);
  sector.set([0x55, 0xaa], 510);
  await using device = await open(path, "r+");
  await device.write(sector, 0, sector.length, 0);
  await device.sync();
}

describe("on a disk", { timeout: 30_000 }, () => {
  test("an empty one is formatted, labelled, and the second time found as it should be", async () => {
    await using disk = await loopDisk(32);
    expect(await read.device(disk.path)).toMatchObject({ path: disk.path, type: "loop", bytes: 32 * MIB });
    const [first, second] = await format(disk, { type: "ext4", label: "data" });
    expect(Object.keys(first!)).toEqual(["type", "label"]);
    expect(second).toEqual({});
    expect(await read.probe(disk.path)).toMatchObject({ type: "ext4", label: "data" });
  });

  test("a filesystem grows with its disk, and takes another label", async () => {
    await using disk = await loopDisk(32);
    await format(disk, { type: "ext4", label: "old" });
    await disk.enlarge(96);
    const [first, second] = await format(disk, { type: "ext4", label: "new" });
    expect(first).toMatchObject({ label: { from: "old", to: "new" }, bytes: { to: 96 * MIB } });
    expect(second).toEqual({});
    expect(await read.filesystemBytes(disk.path, "ext4")).toBeGreaterThan(88 * MIB);
  });

  test("another filesystem is left as it is, to the last byte", async () => {
    await using disk = await loopDisk(32);
    await exec("mkfs.ext4", ["-q", disk.path]);
    const before = await ports.files.read.digest(disk.file);
    await expect(format(disk, { type: "xfs" })).rejects.toMatchObject({
      code: "state/blocked",
      message: expect.stringContaining("ext4"),
    });
    expect(await ports.files.read.digest(disk.file)).toBe(before);
  });

  test.each([
    ["first", (size: number) => Math.min(MIB - 1, size)],
    ["last", (size: number) => size - MIB],
  ])("one byte in the %s MiB is enough for a disk not to be empty", async (_which, place) => {
    await using disk = await loopDisk(32);
    expect(await read.isBlank(disk.path)).toBe(true);
    {
      await using device = await open(disk.path, "r+");
      await device.write(Buffer.from([1]), 0, 1, place(32 * MIB));
      await device.sync();
    }
    expect(await read.isBlank(disk.path)).toBe(false);
    await expect(format(disk, { type: "ext4" })).rejects.toMatchObject({
      message: expect.stringContaining("not blank"),
    });
    await blankEnds(disk.path);
    expect(await read.isBlank(disk.path)).toBe(true);
  });

  test("a partition table is seen, by the probe and by its signatures", async () => {
    await using disk = await loopDisk(32);
    await writePartitionTable(disk.path);
    expect(await read.probe(disk.path)).toMatchObject({ partitionTable: "dos" });
    expect(await read.signatures(disk.path)).toContain("dos");
    await expect(format(disk, { type: "ext4" })).rejects.toMatchObject({ code: "state/blocked" });
  });

  test("what is no device is none, and is not probed as if it were", async () => {
    expect(await read.device("/dev/nosuch")).toBeUndefined();
    await expect(read.probe("/dev/nosuch")).rejects.toThrow();
    await expect(write.makeFilesystem("/dev/nosuch", { type: "ext4" })).rejects.toThrow();
  });
});
