/** The rule for every disk that is to be written over: it is used only when everything says that nothing is on it. */
import { BomaError } from "@boma/protocol";

import type { BlockDevice, ReadStorage } from "../../host/storage.ts";

export async function findDevice(path: string, storage: ReadStorage): Promise<BlockDevice> {
  const device = await storage.device(path);
  if (device) return device;
  throw new BomaError("state/unsupported", `there is no device ${path}`, {
    hint: "`lsblk` lists what there is.",
  });
}

/** Throws `state/blocked`, naming what was found, unless the device is proven to hold nothing. */
export async function assertEmpty(path: string, storage: ReadStorage): Promise<void> {
  const found = await contentsOf(await findDevice(path, storage), storage);
  if (found.length === 0) return;
  throw new BomaError("state/blocked", `${path} is not empty: ${found.join("; ")}`, {
    hint: "It was left as it is. If nothing on it is needed, wipe it by hand: `wipefs -a`, then `blkdiscard -z`.",
  });
}

/** All that says that something is on a device, a few words each. */
export async function contentsOf(device: BlockDevice, storage: ReadStorage): Promise<string[]> {
  const { path, readOnly, children, mountpoints } = device;
  const [content, signatures, volumes, blank] = await Promise.all([
    storage.probe(path),
    storage.signatures(path),
    storage.physicalVolumes(),
    storage.isBlank(path),
  ]);
  const volume = volumes.find((one) => one.device === path);
  return [
    readOnly && "it can only be read",
    mountpoints.length > 0 && `it is mounted at ${mountpoints.join(", ")}`,
    children.length > 0 && `it carries ${children.join(", ")}`,
    volume && `it is a physical volume${volume.group === undefined ? "" : ` of ${volume.group}`}`,
    content.partitionTable !== undefined && `it has a partition table (${content.partitionTable})`,
    content.type !== undefined && `it holds ${content.type}${content.label ? ` "${content.label}"` : ""}`,
    content.ambivalent && "it holds more than one thing",
    signatures.length > 0 && `it has signatures of ${signatures.join(", ")}`,
    !blank && "its first or last MiB is not blank",
  ].filter((one) => typeof one === "string");
}
