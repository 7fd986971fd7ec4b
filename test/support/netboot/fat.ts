/** FAT where the kernel may have none: programs that write it, in the cache with all that they need, so that any root can run them. */
import { createHash } from "node:crypto";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";

import { HERE } from "../../../installers/build.ts";
import { unpackInto } from "../emulated.ts";
import { ensureBuilt } from "../hosts/cache.ts";
import { readRecipe } from "../hosts/recipe.ts";

const PACKAGE = "mtools";
const FORMAT = "2";
const LIBRARIES = {
  amd64: { dir: "x86_64-linux-gnu", loader: "ld-linux-x86-64.so.2" },
  arm64: { dir: "aarch64-linux-gnu", loader: "ld-linux-aarch64.so.1" },
} as const;

export async function fatPrograms(): Promise<string> {
  const { sources } = readRecipe();
  const digest = createHash("sha256").update([FORMAT, HERE, sources].join("\0")).digest("hex").slice(0, 16);
  return ensureBuilt("fat", digest, async (building) => {
    const list = join(building, "debian.sources");
    await writeFile(list, sources);
    await unpackInto(join(building, "root"), HERE, list, [PACKAGE]);
  });
}

/**
 * What `mount` and `umount` call where these lie in a root, and the programs at this path. In between the files are in
 * memory; they are on the device when it is unmounted. `before` is done when it is mounted.
 */
export function fatTools(at: string, before: string): Readonly<Record<string, string>> {
  const { dir, loader } = LIBRARIES[HERE];
  const root = join(at, "root");
  const libraries = ["lib", "usr/lib"].map((lib) => join(root, lib, dir));
  const mcopy = [
    join(libraries[0]!, loader),
    "--argv0",
    "mcopy",
    "--library-path",
    libraries.join(":"),
    join(root, "usr/bin/mtools"),
  ];
  return {
    "mount.vfat": `#!/bin/sh\n${before}\nexec mount -t tmpfs "$1" "$2"\n`,
    "umount.tmpfs": `#!/bin/sh
set -e
device=$(findmnt --noheadings --output SOURCE --mountpoint "$1")
if [ -b "$device" ]; then (cd "$1" && ${mcopy.join(" ")} -s -i "$device" ./* ::); fi
exec umount --internal-only "$1"
`,
  };
}
