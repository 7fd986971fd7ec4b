/**
 * What a live image carries so that it can put itself on a disk: the kernel's own
 * package, whatever makes an initramfs, and a boot loader for each way in which
 * machines start. Its packages are configured on the machine, by `system.install`.
 */
import { readdir } from "node:fs/promises";
import { join } from "node:path";

import { BomaError, type ImageArch } from "@boma/protocol";

import type { Kernel } from "./kernel.ts";
import { put } from "./root-tree.ts";

/** grub-cloud keeps the loaders of BIOS and UEFI both, and renews them with each upgrade of theirs. */
const LOADERS: Readonly<Record<ImageArch, readonly string[]>> = {
  amd64: ["grub-cloud-amd64"],
  arm64: ["grub-efi-arm64", "grub-efi-arm64-signed", "shim-signed"],
};

const ON_DISK = ["dosfstools", "e2fsprogs", "fdisk", "initramfs-tools", "zstd"] as const;

export const diskPackages = (arch: ImageArch, kernel: string): readonly string[] => [
  kernel,
  ...ON_DISK,
  ...LOADERS[arch],
];

/** Where a live system says that it can be put on a disk. */
const MARK = "usr/lib/boma/disk-system.json";

/** The kernel that the packages brought, which is the one that the image boots as well. */
export async function diskSystem(root: string): Promise<Kernel> {
  const names = (await readdir(join(root, "boot"))).filter((name) => name.startsWith("vmlinuz-"));
  const [kernel, ...others] = names;
  if (kernel === undefined || others.length > 0)
    throw new BomaError("image/build", `the packages bring ${names.length} kernels, and not one`, {
      hint: "Name one with --kernel, such as linux-image-amd64.",
    });
  const version = kernel.slice("vmlinuz-".length);
  await put(root, MARK, `${JSON.stringify({ kernel: version })}\n`);
  return { version, file: join(root, "boot", kernel) };
}
