/** Packages that a host may install without a network: fetched once by a Debian of the tests, with all that they ask for. */
import { createHash } from "node:crypto";
import { link, mkdir, readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";

import { ensureBuilt } from "./cache.ts";
import { mustRun } from "./program.ts";
import { readRecipe } from "./recipe.ts";
import { ensureRootfs, packagesIndex } from "./rootfs.ts";

const FETCH_MS_MAX = 8 * 60_000;
const FORMAT = 1;

/** In mounts of its own, above the hosts' own root: what apt leaves there is gone when it is. */
const FETCH = `
dir=$1; root=$1/root; lower=$2; shift 2
mkdir "$dir/upper" "$dir/work" "$root" "$dir/debs" "$dir/debs/partial"
mount -t overlay offered -o "lowerdir=$lower,upperdir=$dir/upper,workdir=$dir/work" "$root"
mount --bind /etc/resolv.conf "$root/etc/resolv.conf"
mount --bind "$dir/sources" "$root/etc/apt/sources.list.d"
mount -t tmpfs lists "$root/var/lib/apt/lists"
mount --bind "$dir/debs" "$root/var/cache/apt/archives"
chroot "$root" apt-get --quiet update
chroot "$root" apt-get --quiet --yes --no-install-recommends -o APT::Sandbox::User=root --download-only install "$@"
umount --recursive "$root"
rm -rf "$dir/upper" "$dir/work" "$root" "$dir/debs/partial" "$dir/debs/lock"
`;

async function fetched(packages: readonly string[]): Promise<string> {
  const parts = [FORMAT, readRecipe().digest, packages];
  const digest = createHash("sha256").update(JSON.stringify(parts)).digest("hex").slice(0, 16);
  const built = await ensureBuilt("offered", digest, async (dir) => {
    await mkdir(join(dir, "sources"));
    await writeFile(join(dir, "sources/debian.sources"), readRecipe().sources);
    const script = ["sh", "-ec", FETCH, "sh", dir, await ensureRootfs(), ...packages];
    await mustRun(["unshare", "--mount", "--propagation", "private", ...script], {
      timeoutMs: FETCH_MS_MAX,
      env: { DEBIAN_FRONTEND: "noninteractive" },
    });
    await writeFile(join(dir, "debs/Packages"), await packagesIndex(join(dir, "debs")));
  });
  return join(built, "debs");
}

/** An archive of them in this directory, which hosts must see; gives the line for their apt. */
export async function offerPackages(dir: string, packages: readonly string[]): Promise<string> {
  const from = await fetched(packages);
  await mkdir(dir, { recursive: true });
  for (const name of await readdir(from)) await put(join(from, name), join(dir, name));
  return `deb [trusted=yes] file:${dir} ./\n`;
}

/** A link where the two lie on one file system. */
const put = (from: string, to: string): Promise<unknown> =>
  link(from, to).catch(() => mustRun(["cp", "--no-target-directory", from, to]));
