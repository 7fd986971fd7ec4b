/**
 * Packages that take minutes to install, as a layer between the root file system
 * and what a host writes: installed once, for all hosts that ask for it.
 */
import { createHash } from "node:crypto";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";

import { ensureBuilt } from "./cache.ts";
import { mustRun } from "./program.ts";
import { readRecipe } from "./recipe.ts";
import { ensureRootfs } from "./rootfs.ts";

export interface Layer {
  readonly name: string;
  readonly packages: readonly string[];
}

const INSTALL_MS_MAX = 8 * 60_000;
const FORMAT = 1;

/** In mounts of its own, which are gone when it is: nothing of apt's ways stays in the layer, and no service starts. */
const INSTALL = `
dir=$1; root=$1/root; lower=$2; shift 2
mkdir "$dir/upper" "$dir/work" "$root"
mount -t overlay layer -o "lowerdir=$lower,upperdir=$dir/upper,workdir=$dir/work" "$root"
mount -t proc proc "$root/proc"
mount --rbind /dev "$root/dev"
mount --bind /etc/resolv.conf "$root/etc/resolv.conf"
mount --bind "$dir/sources" "$root/etc/apt/sources.list.d"
mount -t tmpfs lists "$root/var/lib/apt/lists"
mount -t tmpfs archives "$root/var/cache/apt"
printf '#!/bin/sh\\nexit 101\\n' > "$root/usr/sbin/policy-rc.d"
chmod 755 "$root/usr/sbin/policy-rc.d"
chroot "$root" apt-get --quiet update
chroot "$root" apt-get --quiet --yes --no-install-recommends -o Dpkg::Options::=--force-unsafe-io install "$@"
rm "$root/usr/sbin/policy-rc.d"
`;

async function install({ packages }: Layer, dir: string): Promise<void> {
  await mkdir(join(dir, "sources"));
  await writeFile(join(dir, "sources/debian.sources"), readRecipe().sources);
  const script = ["sh", "-ec", INSTALL, "sh", dir, await ensureRootfs(), ...packages];
  await mustRun(["unshare", "--mount", "--propagation", "private", ...script], {
    timeoutMs: INSTALL_MS_MAX,
    env: { DEBIAN_FRONTEND: "noninteractive" },
  });
}

/** The path of a layer, which is built if there is none. */
export async function ensureLayer(layer: Layer): Promise<string> {
  const parts = [FORMAT, readRecipe().digest, layer.packages];
  const digest = createHash("sha256").update(JSON.stringify(parts)).digest("hex").slice(0, 16);
  return join(await ensureBuilt(`layer-${layer.name}`, digest, (dir) => install(layer, dir)), "upper");
}

/** A whole Ceph without its dashboard. */
export const CEPH: Layer = {
  name: "ceph",
  packages: ["ceph-mon", "ceph-mgr", "ceph-osd", "ceph-mds", "ceph-common", "ceph-fuse"],
};

/** What decides who gets in, and when it is. */
export const ACCESS: Layer = {
  name: "access",
  packages: ["fail2ban", "python3-systemd", "chrony", "needrestart", "unattended-upgrades"],
};

/** What configures and serves networks. */
export const NETWORK: Layer = { name: "network", packages: ["netplan.io", "dnsmasq"] };

/** What clouds and others put a machine's first words to. */
export const CLOUD_INIT: Layer = { name: "cloud-init", packages: ["cloud-init"] };

/** Docker, a program that needs nothing else to make an image from, and a firewall that does not know of Docker. */
export const DOCKER: Layer = { name: "docker", packages: ["docker.io", "busybox-static", "ufw"] };

/** One layer of both: two on each other would hide one another's list of installed packages. */
export const withDocker = (layer?: Layer): Layer =>
  layer ? { name: `docker-${layer.name}`, packages: [...DOCKER.packages, ...layer.packages] } : DOCKER;
