/** The kernel of an image: its own file, and its modules in the root, without those that no server needs. */
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { dirname, join } from "node:path";

import { BomaError } from "@boma/protocol";

import type { FetchedPackage } from "./apt-archive.ts";
import { program } from "./program.ts";

/** Half of all modules by weight: screens, cameras, sound. */
const LEFT_OUT = ["sound", "drivers/gpu", "drivers/media", "drivers/staging", "drivers/iio"] as const;

export interface Kernel {
  readonly version: string;
  /** Where its file lies; it is moved from there. */
  readonly file: string;
}

/** Puts the modules into the root, and the kernel beside it. */
export async function unpackKernel(root: string, { file, name }: FetchedPackage): Promise<Kernel> {
  const dir = await mkdtemp(join(dirname(root), "kernel-"));
  const tar = ["tar", "--extract", "--no-same-owner", "--directory"];
  await program(["dpkg-deb", "--fsys-tarfile", file], { into: [...tar, dir, "./boot"] });
  const keep = ["tar", "--extract", "--no-same-owner", "--keep-directory-symlink", "--directory", root];
  await program(["dpkg-deb", "--fsys-tarfile", file], { into: [...keep, "./lib/modules"] });
  const kernel = (await readdir(join(dir, "boot"))).find((entry) => entry.startsWith("vmlinuz-"));
  if (kernel === undefined) throw new BomaError("image/build", `the package ${name} brings no kernel`);
  const version = kernel.slice("vmlinuz-".length);
  const modules = join(root, "usr/lib/modules", version);
  for (const part of LEFT_OUT) await rm(join(modules, "kernel", part), { recursive: true, force: true });
  await depmod(root, version);
  return { version, file: join(dir, "boot", kernel) };
}

export const depmod = async (root: string, version: string): Promise<void> =>
  void (await program(["depmod", "--basedir", root, version]));
