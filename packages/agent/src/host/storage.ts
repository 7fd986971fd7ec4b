/** Block devices, by way of the programs that know them. None of these is ever told to be forceful. */
import { constants } from "node:fs";
import { type FileHandle, open, realpath } from "node:fs/promises";

import { BomaError } from "@boma/protocol";
import type { Command, Commands, NewFilesystem, Port, ReadStorage, Storage } from "@boma/states/core";

import { LVS_FIELDS, parseLvs, parsePvs, parseVgs, PVS_FIELDS, VGS_FIELDS } from "./lvm-report.ts";
import {
  extBytes,
  LSBLK_FIELDS,
  parseBlkid,
  parseDisks,
  parseLsblk,
  parseWipefs,
  xfsBytes,
} from "./storage-reports.ts";
import type { Tools } from "./tools.ts";

const MIB = 1024 * 1024;
const MKFS_MS = 30 * 60_000;

export function realStorage({ commands }: Tools): Port<ReadStorage, Storage> {
  const read = readHalf(commands);
  const must = async (...argv: string[]): Promise<void> =>
    void (await commands.must({ argv, timeoutMs: MKFS_MS }));
  const nameOf = (path: string): Promise<string> => realpath(path);
  const write: Storage = {
    ...read,
    makeFilesystem: async (path, filesystem) =>
      must(`mkfs.${filesystem.type}`, ...mkfsWords(filesystem), await nameOf(path)),
    setLabel: async (path, type, label) => must(...labelCommand(type, label, await nameOf(path))),
    growFilesystem: async (path, type) => grow(type, await nameOf(path), { read, must }),
    createGroup: async (name, devices) =>
      must("vgcreate", "--", name, ...(await Promise.all(devices.map(nameOf)))),
    extendGroup: async (name, devices) =>
      must("vgextend", "--", name, ...(await Promise.all(devices.map(nameOf)))),
    async createVolume({ group, name }, extents) {
      // It is new: what shines through from an earlier volume belongs to nobody.
      const fresh = ["--yes", "--wipesignatures", "y", "--zero", "y"];
      await must("lvcreate", ...fresh, "--name", name, "--extents", extentsWord(extents), "--", group);
      await blankEnds(`/dev/${group}/${name}`);
    },
    wipe: (path, how) => wipe(path, how, must),
    extendVolume: async ({ group, name }, extents) =>
      must(
        "lvextend",
        "--extents",
        extents === "all" ? "+100%FREE" : String(extents),
        "--",
        `${group}/${name}`,
      ),
  };
  return { read, write };
}

const extentsWord = (extents: number | "all"): string => (extents === "all" ? "100%FREE" : String(extents));

function readHalf(commands: Commands): ReadStorage {
  const report = async (program: string, fields: string): Promise<string | undefined> => {
    if ((await commands.find(program)) === undefined) return undefined;
    const argv = [program, "--reportformat", "json", "--units", "b", "--nosuffix", "-o", fields];
    return said(commands, { argv });
  };
  return {
    disks: async () =>
      parseDisks(
        await said(commands, { argv: ["lsblk", "--json", "--nodeps", "--bytes", "--output", LSBLK_FIELDS] }),
      ),
    async device(path) {
      const real = await realpath(path).catch(() => undefined);
      if (real === undefined) return undefined;
      const { exitCode, stdout } = await commands.read({
        argv: ["lsblk", "--json", "--bytes", "--output", LSBLK_FIELDS, real],
      });
      const found = exitCode === 0 ? parseLsblk(stdout) : undefined;
      // A volume of LVM has a longer name there: the one of the kernel is the same for all who ask.
      return found && { ...found, path: real };
    },
    async probe(path) {
      const { exitCode, stdout, stderr } = await commands.read({
        argv: ["blkid", "--probe", "--output", "export", await realpath(path)],
      });
      const content = parseBlkid(stdout, exitCode);
      if (content) return content;
      throw new BomaError("state/command-failed", `blkid cannot look at ${path}: ${stderr.trim()}`);
    },
    signatures: async (path) =>
      parseWipefs(await said(commands, { argv: ["wipefs", "--no-act", "--json", await realpath(path)] })),
    isBlank,
    firstWritten,
    isHeld,
    filesystemBytes: (path, type) => filesystemBytes(path, type, commands),
    async physicalVolumes() {
      const volumes = parsePvs((await report("pvs", PVS_FIELDS)) ?? '{"report":[]}');
      return Promise.all(
        volumes.map(async ({ device, group }) => ({
          device: await realpath(device).catch(() => device),
          group,
        })),
      );
    },
    groups: async () => parseVgs((await report("vgs", VGS_FIELDS)) ?? '{"report":[]}'),
    volumes: async () => parseLvs((await report("lvs", LVS_FIELDS)) ?? '{"report":[]}'),
  };
}

/** What a program that looks printed; that it could not look is not the same as that nothing is there. */
async function said(commands: Commands, command: Command): Promise<string> {
  const { exitCode, stdout, stderr } = await commands.read(command);
  if (exitCode === 0) return stdout;
  const why = stderr.trim().split("\n").slice(-5).join("\n");
  throw new BomaError("state/command-failed", `${command.argv.join(" ")} exited with ${exitCode}: ${why}`);
}

async function filesystemBytes(path: string, type: string, commands: Commands): Promise<number | undefined> {
  const device = await realpath(path);
  if (type.startsWith("ext")) return extBytes(await said(commands, { argv: ["dumpe2fs", "-h", device] }));
  if (type === "xfs") return xfsBytes(await said(commands, { argv: ["xfs_info", device] }));
  return undefined;
}

/** Opened for reading alone, and read past no cache that could be stale: the device itself has one cache only. */
async function isBlank(path: string): Promise<boolean> {
  await using device = await open(path, constants.O_RDONLY);
  const bytes = await sizeOf(device);
  const buffer = Buffer.alloc(Math.min(MIB, bytes));
  for (const at of [0, Math.max(0, bytes - MIB)]) {
    const { bytesRead } = await device.read(buffer, 0, buffer.length, at);
    if (bytesRead !== buffer.length || buffer.some((byte) => byte !== 0)) return false;
  }
  return true;
}

const EDGE_BYTES = 16 * MIB;
const SAMPLES = 64;

/** Where the content of a disk is looked at: its edges whole, and all over it in equal distances. */
function placesToLook(bytes: number): number[] {
  const last = Math.max(0, bytes - MIB);
  const edge = Array.from({ length: EDGE_BYTES / MIB }, (_, index) => index * MIB);
  const spread = Array.from({ length: SAMPLES }, (_, index) => Math.floor((last * index) / (SAMPLES - 1)));
  const all = [...edge, ...spread, ...edge.map((at) => last - at)];
  return [...new Set(all.filter((at) => at >= 0 && at <= last))].sort((a, b) => a - b);
}

async function firstWritten(path: string): Promise<number | undefined> {
  await using device = await open(path, constants.O_RDONLY);
  const bytes = await sizeOf(device);
  const buffer = Buffer.alloc(MIB);
  for (const at of placesToLook(bytes)) {
    const length = Math.min(MIB, bytes - at);
    const { bytesRead } = await device.read(buffer, 0, length, at);
    // What cannot be read is not known to be empty.
    if (bytesRead !== length) return at + bytesRead;
    const written = buffer.subarray(0, length).findIndex((byte) => byte !== 0);
    if (written >= 0) return at + written;
  }
  return undefined;
}

/** Asked for itself alone, the kernel gives a device to one only. */
async function isHeld(path: string): Promise<boolean> {
  try {
    await using _ = await open(path, constants.O_RDONLY | constants.O_EXCL);
    return false;
  } catch (thrown) {
    if ((thrown as NodeJS.ErrnoException).code === "EBUSY") return true;
    throw thrown;
  }
}

/** What lies on its partitions first: without them nobody would find it again, until somebody makes the same ones. */
async function wipe(
  path: string,
  { parts, whole }: Parameters<Storage["wipe"]>[1],
  must: (...argv: string[]) => Promise<void>,
): Promise<void> {
  for (const one of [...parts, path]) await must("wipefs", "--all", one);
  // The kernel gives it to one alone: what is in use by then is left as it is.
  await blankEnds(path, constants.O_RDWR | constants.O_EXCL);
  if (whole) await must("blkdiscard", "--zeroout", path);
  // The kernel still knows them; a disk that never had any may be one that cannot have any.
  if (parts.length > 0) await must("blockdev", "--rereadpt", path);
}

export async function blankEnds(path: string, flags: string | number = "r+"): Promise<void> {
  await using device = await open(path, flags);
  const bytes = await sizeOf(device);
  const zeros = Buffer.alloc(Math.min(MIB, bytes));
  for (const at of [0, Math.max(0, bytes - MIB)]) await device.write(zeros, 0, zeros.length, at);
  await device.sync();
}

/** A device says 0 when it is asked for its size as a file: its end is found by halving. */
async function sizeOf(file: FileHandle): Promise<number> {
  const { size } = await file.stat();
  if (size > 0) return size;
  const byte = Buffer.alloc(1);
  const has = async (at: number): Promise<boolean> => (await file.read(byte, 0, 1, at)).bytesRead === 1;
  let [there, beyond] = [0, 1];
  while (await has(beyond)) [there, beyond] = [beyond, beyond * 2];
  while (beyond - there > 1) {
    const middle = Math.floor((there + beyond) / 2);
    if (await has(middle)) there = middle;
    else beyond = middle;
  }
  return beyond;
}

export function mkfsWords({ type, label, options = [] }: NewFilesystem): string[] {
  const flag = type === "vfat" ? "-n" : "-L";
  return [...options, ...(label === undefined ? [] : [flag, label])];
}

export function labelCommand(type: string, label: string, device: string): string[] {
  if (type === "xfs") return ["xfs_admin", "-L", label, device];
  if (type === "btrfs") return ["btrfs", "filesystem", "label", device, label];
  if (type === "vfat") return ["fatlabel", device, label];
  return ["e2label", device, label];
}

async function grow(
  type: string,
  device: string,
  { read, must }: { read: ReadStorage; must: (...argv: string[]) => Promise<void> },
): Promise<void> {
  const [mountpoint] = (await read.device(device))?.mountpoints ?? [];
  if (type === "xfs") {
    if (mountpoint !== undefined) return must("xfs_growfs", mountpoint);
    throw new BomaError("state/blocked", `${device} holds xfs, which grows only while it is mounted`, {
      hint: "Declare mount.mounted for it, and let this come after it.",
    });
  }
  // One that is not mounted is checked first, or resize2fs refuses; -p mends what can be mended safely.
  if (mountpoint === undefined) await must("e2fsck", "-f", "-p", device);
  await must("resize2fs", device);
}
