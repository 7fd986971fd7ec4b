import { BomaError } from "@boma/protocol";

import type { Port } from "../host/host.ts";
import type { Mount, Mounts, ReadMounts, WantedMount } from "../host/mounts.ts";
import type { MemoryWorld } from "./memory-host.ts";

/** Options that the kernel shows where an option in an fstab does not say otherwise. */
const SHOWN = /^(ro|nosuid|nodev|noexec|noatime|sync|nodiratime)$/;

export function memoryMounts({ given, tree }: MemoryWorld): Port<ReadMounts, Mounts> {
  const identify: ReadMounts["identify"] = async ({ source, fstype, options }) => {
    if (options.includes("bind")) return tree.has(source) ? `directory:${source}` : undefined;
    const [, tag, value] = /^(UUID|LABEL)=(.*)$/.exec(source) ?? [];
    if (!tag && !source.startsWith("/")) return source.includes(":") ? `net:${source}` : fstype;
    for (const [path, device] of Object.entries(given.devices ?? {}))
      if (
        tag
          ? device[tag === "UUID" ? "uuid" : "label"] === value
          : [path, ...(device.links ?? [])].includes(source)
      )
        return `device:${path}`;
    return undefined;
  };
  const mounted: { wanted: WantedMount; busy: boolean }[] = (given.mounts ?? []).map(
    ({ busy = false, options = [], ...mount }) => ({ wanted: { ...mount, options }, busy }),
  );
  const topmost = (path: string): number => mounted.findLastIndex(({ wanted }) => wanted.path === path);
  const shown = (options: readonly string[]): string[] => [
    options.includes("ro") ? "ro" : "rw",
    ...options.filter((option) => SHOWN.test(option) && option !== "ro"),
    ...(options.includes("noatime") ? [] : ["relatime"]),
  ];
  const read: ReadMounts = {
    identify,
    list: () =>
      Promise.all(
        mounted.map(async ({ wanted }): Promise<Mount> => {
          const identity = (await identify(wanted)) ?? `device:${wanted.source}`;
          return { ...wanted, options: shown(wanted.options), identity };
        }),
      ),
  };
  const write: Mounts = {
    ...read,
    verify: async (fstab) =>
      fstab
        .split("\n")
        .filter((line) => line !== "" && line.split(/\s+/).length < 4)
        .map((line) => `parse error: ${line}`),
    async mount(wanted) {
      if ((await identify(wanted)) === undefined)
        throw new BomaError("state/command-failed", `mount: ${wanted.source}: no such device`);
      mounted.push({ wanted, busy: false });
    },
    async remount(wanted) {
      const at = topmost(wanted.path);
      if (at < 0) throw new BomaError("state/command-failed", `mount: ${wanted.path} not mounted`);
      mounted[at] = { ...mounted[at]!, wanted };
    },
    async unmount(path) {
      const at = topmost(path);
      if (at < 0) throw new BomaError("state/command-failed", `umount: ${path}: not mounted`);
      if (mounted[at]!.busy) throw new BomaError("state/command-failed", `umount: ${path}: target is busy`);
      mounted.splice(at, 1);
    },
  };
  return { read, write };
}
