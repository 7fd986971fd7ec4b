/** Where /etc/fstab mounts a device, by whatever name a line calls it. */
import type { ReadHost } from "../../host/host.ts";
import { readIfThere } from "../owned-file.ts";
import { FSTAB, parseLine } from "./fstab.ts";

interface Named {
  /** The kernel's names of the device and of what lies on it. */
  readonly paths: readonly string[];
  /** The ids and labels of the filesystems on them. */
  readonly uuids?: readonly string[];
  readonly labels?: readonly string[];
}

export async function placesInFstab(
  { paths, uuids = [], labels = [] }: Named,
  { files, storage }: Pick<ReadHost, "files" | "storage">,
): Promise<string[]> {
  const fstab = (await readIfThere(files, FSTAB)) ?? "";
  const places: string[] = [];
  for (const { source, path } of fstab.split("\n").flatMap((line) => parseLine(line) ?? [])) {
    const [, tag, value = ""] = /^(UUID|LABEL)="?([^"]*)"?$/.exec(source) ?? [];
    const named = tag === "UUID" ? uuids.includes(value) : tag === "LABEL" && labels.includes(value);
    const device = source.startsWith("/dev/") ? (await storage.device(source))?.path : undefined;
    if (named || (device !== undefined && paths.includes(device))) places.push(path);
  }
  return places;
}
