/** `npm run test:hosts` boots Debian hosts: this installs what it needs for that, and builds their root file system. */
import { ACCESS, CEPH, DOCKER, ensureLayer, NETWORK } from "../test/support/hosts/layer.ts";
import { debianCodename } from "../test/support/hosts/recipe.ts";
import { ensureRootfs } from "../test/support/hosts/rootfs.ts";
import { installMissing, type Needed } from "./install-missing.ts";

const NEEDED: Needed = {
  mmdebstrap: "mmdebstrap",
  "systemd-nspawn": "systemd-container",
  sfdisk: "fdisk",
  socat: "socat",
  ip: "iproute2",
  nsenter: "util-linux",
  gpg: "gpg",
  "gpg-agent": "gpg-agent",
  openssl: "openssl",
  "ssh-keygen": "openssh-client",
  "mkfs.ext4": "e2fsprogs",
};

if (process.getuid?.() !== 0 || debianCodename() === undefined) {
  console.error("The hosts tier boots machines in namespaces: it needs root on a Debian.");
  process.exitCode = 1;
} else {
  await installMissing(NEEDED);
  console.log(`hosts boot from ${await ensureRootfs()}`);
  // Here, and not in the first test that wants one: it may take minutes.
  for (const layer of [ACCESS, NETWORK, DOCKER, CEPH])
    console.log(`those with ${layer.packages[0]} add ${await ensureLayer(layer)}`);
}
