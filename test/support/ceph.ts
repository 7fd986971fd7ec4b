/** What hosts need to be given for a Ceph of theirs: disks with names, and settings that a small machine can live with. */
import { basename } from "node:path";

import type { LoopDisk } from "../../packages/agent/src/testing/loop.ts";
import type { Host } from "./host.ts";
import { mustRun } from "./hosts/program.ts";

export const FSID = "3d8c1f52-7a40-4c1e-9a53-6b0f4f0c2a19";

/** As JSON; so many copies as there are machines. */
export const LAB_CONF = (machines: number): string =>
  JSON.stringify({
    global: {
      osd_pool_default_size: machines,
      osd_pool_default_min_size: 1,
      ...(machines === 1 && { mon_allow_pool_size_one: true, osd_crush_chooseleaf_type: 0 }),
      mon_warn_on_pool_no_redundancy: false,
      osd_pool_default_pg_num: 8,
      // The disk of whoever runs the tests is nobody's business.
      mon_data_avail_warn: 1,
      mon_data_avail_crit: 1,
    },
    osd: { osd_memory_target: 939_524_096, bluestore_cache_size: 67_108_864 },
    mds: { mds_cache_memory_limit: 134_217_728 },
  });

export interface GivenDisk {
  readonly path: string;
  readonly expect: { readonly serial: string; readonly bytes: number };
  /** A host forgets its devices with each boot. */
  again(): Promise<void>;
}

/** A loop device of this machine as a disk of the host, with what udev would say of it. */
export async function giveDisk(host: Host, disk: LoopDisk, serial: string): Promise<GivenDisk> {
  const name = basename(disk.path);
  const number = name.replace("loop", "");
  const path = `/dev/disk/by-id/virtio-${serial}`;
  const bytes = Number(await mustRun(["blockdev", "--getsize64", disk.path]));
  const script = [
    `mkdir -p /dev/disk/by-id /run/udev/data`,
    `[ -e ${disk.path} ] || mknod -m 660 ${disk.path} b 7 ${number}`,
    `ln -sfn ../../${name} ${path}`,
    `printf 'E:ID_SERIAL_SHORT=%s\\nE:ID_SERIAL=%s\\n' ${serial} virtio_${serial} > /run/udev/data/b7:${number}`,
  ].join("\n");
  const again = async (): Promise<void> => void (await host.must(["sh", "-ec", script]));
  await again();
  return { path, expect: { serial, bytes }, again };
}

/** What ceph-fuse speaks through; gone with each boot as well. */
export const giveFuse = async (host: Host): Promise<void> =>
  void (await host.must(["sh", "-c", "[ -e /dev/fuse ] || mknod -m 666 /dev/fuse c 10 229"]));
