/** A disk that may be written is divided, given its filesystems, and holds the system as it was signed. */
import type { Host } from "../host/host.ts";
import { layoutScript, partitionPath, partitionsOf } from "./disk-layout.ts";
import type { LiveSystem } from "./live-system.ts";
import { quietly, SOURCE, TARGET } from "./workplace.ts";

const MINUTES = 60_000;

export interface Parts {
  readonly root: string;
  readonly esp: string;
}

export async function divide(disk: string, { arch }: LiveSystem, host: Host): Promise<Parts> {
  const { commands, storage } = host;
  const argv = ["sfdisk", "--wipe", "always", "--wipe-partitions", "always", disk];
  await commands.must({ argv, stdin: layoutScript(arch), quiet: true, timeoutMs: 2 * MINUTES });
  await quietly(host, 2 * MINUTES)("udevadm", "settle");
  const at = (use: string): string =>
    partitionPath(disk, partitionsOf(arch).find((one) => one.use === use)!.number);
  const parts = { root: at("root"), esp: at("esp") };
  await storage.makeFilesystem(parts.esp, { type: "vfat", label: "BOMA-ESP", options: ["-F", "32"] });
  await storage.makeFilesystem(parts.root, { type: "ext4", label: "boma-root", options: ["-q"] });
  return parts;
}

export async function copySystem({ root, esp }: Parts, host: Host): Promise<void> {
  const must = quietly(host, 60 * MINUTES);
  await must("mount", "-t", "ext4", root, TARGET);
  await must("cp", "--archive", `${SOURCE}/.`, TARGET);
  for (const dir of ["/boot", "/boot/efi"])
    if (!(await host.files.stat(TARGET + dir))) await host.files.makeDirectory(TARGET + dir);
  await must("mount", "-t", "vfat", "-o", "umask=0077", esp, `${TARGET}/boot/efi`);
}

/** From here on it is a system, and not a beginning of one: every byte before this one is on the disk. */
export async function markDone(disk: string, { arch }: LiveSystem, host: Host): Promise<void> {
  const must = quietly(host, 10 * MINUTES);
  await must("sync");
  await must("umount", "--recursive", TARGET);
  await must("blockdev", "--flushbufs", disk);
  // The root is the last: as long as one has the old name, all of it is unfinished.
  for (const { number, name } of partitionsOf(arch))
    await must("sfdisk", "--part-label", disk, String(number), name);
  await must("sync");
}
