/** A host's disk: the shared root file system, with layers on it or not, and what the host writes on top, in memory. */
import type { Space } from "./space.ts";

/** Below a /run of its own, in the host's mounts only. */
const DISK = "/run/disk";

/** What Docker keeps cannot lie on an overlay, which its own overlays would lie on. */
export const DOCKER_DISK = `${DISK}/docker`;

export const ROOT = "/run/root";

const overlay = (lower: string): string =>
  // Nobody waits for a disk that is in memory: fsync of it means nothing.
  `mount -t overlay host -o volatile,lowerdir=${lower},upperdir=${DISK}/upper,workdir=${DISK}/work ${ROOT}`;

export async function insertDisk(space: Space, lower: string): Promise<void> {
  const lines = [
    "mount -t tmpfs -o mode=755,size=8g run /run",
    `mkdir -p ${DISK}/upper ${DISK}/work ${DOCKER_DISK} ${ROOT} /run/systemd`,
    overlay(lower),
  ];
  await space.must(["sh", "-ec", lines.join("\n")]);
}

/** As it was before its first boot. */
export async function wipeDisk(space: Space, lower: string): Promise<void> {
  const lines = [
    `umount ${ROOT}`,
    `rm -rf ${DISK}/upper ${DISK}/work ${DOCKER_DISK}`,
    `mkdir ${DISK}/upper ${DISK}/work ${DOCKER_DISK}`,
    overlay(lower),
  ];
  await space.must(["sh", "-ec", lines.join("\n")]);
}

/** What tells one machine from another. */
export async function nameDisk(space: Space, name: string, address: string): Promise<void> {
  const files = {
    hostname: `${name}\n`,
    hosts: `127.0.0.1 localhost\n::1 localhost ip6-localhost\n${address} ${name}\n`,
  };
  for (const [file, text] of Object.entries(files))
    await space.must(["tee", `${ROOT}/etc/${file}`], { stdin: text });
}

export async function numberDisk(space: Space): Promise<void> {
  const stdin = `${crypto.randomUUID().replaceAll("-", "")}\n`;
  await space.must(["tee", `${ROOT}/etc/machine-id`], { stdin });
}
