/**
 * Goal: a disk counts as empty only where it is; one that was begun with is known by that; and it is divided as was planned.
 * Method: loop devices as disks, looked at and divided by the ports that a real agent has.
 */
import { mkdtemp, open, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { expect, test } from "vitest";

import { realHost } from "../../packages/agent/src/host/hosts.ts";
import { exec, loopDisk, MIB } from "../../packages/agent/src/testing/loop.ts";
import { writeHost } from "../../packages/states/src/host/host.ts";
import { layoutScript, partitionNames, UNFINISHED } from "../../packages/states/src/install/disk-layout.ts";
import { judgeDisk } from "../../packages/states/src/install/disk-proof.ts";

const DISK_MIB = 4096;
const host = writeHost(realHost.ports({ signal: new AbortController().signal, line: () => undefined }));

async function write(path: string, at: number, bytes: Uint8Array): Promise<void> {
  await using device = await open(path, "r+");
  await device.write(bytes, 0, bytes.length, at);
  await device.sync();
}

const divide = (path: string) =>
  host.commands.must({
    argv: ["sfdisk", "--wipe", "always", path],
    stdin: layoutScript("amd64"),
    quiet: true,
  });

test("a new disk is empty", async () => {
  await using disk = await loopDisk(DISK_MIB);
  expect(await judgeDisk(disk.path, host)).toMatchObject({ standing: "empty" });
});

test.each<[what: string, fill: (path: string) => Promise<unknown>]>([
  ["a filesystem", (path) => exec("mkfs.ext4", ["-q", path])],
  ["swap", (path) => exec("mkswap", [path])],
  ["an OSD of Ceph", (path) => write(path, 0, Buffer.from("bluestore block device\n"))],
  ["zeros in front and data behind them", (path) => write(path, 2048 * MIB, Buffer.alloc(128 * MIB, 7))],
  ["one byte at its end", (path) => write(path, DISK_MIB * MIB - 1, Buffer.from([1]))],
  [
    "a table of which only the copy at the end is left",
    async (path) => {
      await divide(path);
      await write(path, 0, Buffer.alloc(MIB));
    },
  ],
])("one with %s is not", async (_what, fill) => {
  await using disk = await loopDisk(DISK_MIB);
  await fill(disk.path);
  const judged = await judgeDisk(disk.path, host);
  expect(judged).toMatchObject({ standing: "data" });
});

test("one that is mounted cannot be used, whatever is on it", async () => {
  await using disk = await loopDisk(DISK_MIB);
  await exec("mkfs.ext4", ["-q", disk.path]);
  const dir = await mkdtemp(join(tmpdir(), "boma-mounted-"));
  await exec("mount", [disk.path, dir]);
  try {
    const judged = await judgeDisk(disk.path, host);
    expect(judged).toMatchObject({ standing: "unfit", why: expect.stringContaining(dir) as string });
  } finally {
    await exec("umount", [dir]);
    await rm(dir, { recursive: true });
  }
});

test("one that an installation has divided is unfinished, until the last of its partitions has another name", async () => {
  await using disk = await loopDisk(DISK_MIB);
  await divide(disk.path);
  expect(await partitionNames(disk.path, host)).toEqual([UNFINISHED, UNFINISHED, UNFINISHED]);
  expect(await judgeDisk(disk.path, host)).toMatchObject({ standing: "unfinished" });
  const { stdout } = await exec("sfdisk", ["--json", disk.path]);
  const { partitiontable } = JSON.parse(stdout) as { partitiontable: { partitions: { size: number }[] } };
  expect(partitiontable.partitions.map(({ size }) => (size * 512) / MIB)).toEqual([
    1,
    512,
    expect.any(Number),
  ]);
  await exec("sfdisk", ["--part-label", disk.path, "1", "boma-bios"]);
  expect(await judgeDisk(disk.path, host)).toMatchObject({ standing: "data" });
});

test("an unfinished disk is divided again, and nothing of the first time shines through", async () => {
  await using disk = await loopDisk(DISK_MIB);
  await divide(disk.path);
  // Where the root begins: behind the loader's place and the ESP.
  await write(disk.path, 514 * MIB + 1024, Buffer.alloc(1024, 0xff));
  await divide(disk.path);
  expect(await judgeDisk(disk.path, host)).toMatchObject({ standing: "unfinished" });
});
