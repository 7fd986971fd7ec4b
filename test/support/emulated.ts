/**
 * Runs programs of the other architecture: an emulator of its instructions, and the
 * libraries of its Debian, unpacked into the cache. Nothing is installed, and the
 * kernel is not told of it, for that would hold for the whole machine.
 */
import { createHash } from "node:crypto";
import { mkdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";

import { HERE } from "../../installers/build.ts";
import type { Architecture } from "../../installers/lock-file.ts";
import { fetchPackages, updateLists } from "../../packages/master/src/image/apt-archive.ts";
import { ensureBuilt } from "./hosts/cache.ts";
import { mustRun } from "./hosts/program.ts";
import { readRecipe } from "./hosts/recipe.ts";

export const THERE: Architecture = HERE === "amd64" ? "arm64" : "amd64";
const EMULATOR = { amd64: "usr/bin/qemu-x86_64-static", arm64: "usr/bin/qemu-aarch64-static" } as const;
/** What the packages depend on, beside what is for dpkg and systemd. */
const LIBRARIES = ["libc6", "libstdc++6", "libatomic1"];
const FORMAT = "1";

/** The words before a program. */
export async function emulated(): Promise<readonly string[]> {
  const { sources } = readRecipe();
  const digest = createHash("sha256")
    .update([FORMAT, HERE, sources, ...LIBRARIES].join("\0"))
    .digest("hex")
    .slice(0, 16);
  const dir = await ensureBuilt("emulator", digest, async (building) => {
    const list = join(building, "debian.sources");
    await writeFile(list, sources);
    await unpackInto(join(building, "here"), HERE, list, ["qemu-user-static"]);
    await unpackInto(join(building, "there"), THERE, list, LIBRARIES);
  });
  return [join(dir, "here", EMULATOR[THERE]), "-L", join(dir, "there")];
}

/** Packages and what they need, as files below a directory. */
export async function unpackInto(
  dir: string,
  arch: Architecture,
  sources: string,
  names: readonly string[],
): Promise<void> {
  const archive = { arch, dir: `${dir}-apt`, sources };
  await mkdir(dir);
  await updateLists(archive);
  for (const { file } of await fetchPackages(archive, names)) await mustRun(["dpkg-deb", "-x", file, dir]);
  await rm(archive.dir, { recursive: true });
}
