/** What the states of mounts have in common. */
import type { ReadHost } from "../../host/host.ts";
import type { Mount } from "../../host/mounts.ts";
import { readIfThere } from "../owned-file.ts";
import { FSTAB } from "./fstab.ts";

/** Without these the machine does not come up: there it is right to stop and ask for help. */
const SYSTEM: ReadonlySet<string> = new Set(["/", "/usr", "/var", "/etc", "/boot", "/boot/efi"]);

export const isSystem = (path: string): boolean => SYSTEM.has(path);

/** The one on top: what a program sees that opens the path. */
export async function mountAt(
  path: string,
  { mounts }: Pick<ReadHost, "mounts">,
): Promise<Mount | undefined> {
  return (await mounts.list()).findLast((mount) => mount.path === path);
}

export const readFstab = async ({ files }: Pick<ReadHost, "files">): Promise<string> =>
  (await readIfThere(files, FSTAB)) ?? "";

/** The mounts above a path. */
export const mountsAbove = (path: string): string[] => {
  const parts = path.split("/").slice(1, -1);
  return parts.map((_, index) => `mount:/${parts.slice(0, index + 1).join("/")}`);
};

export const claimsOf = (path: string): string[] => [`mount:${path}`, `file:${FSTAB}#${path}`];
