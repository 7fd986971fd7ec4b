/**
 * Disks that are plugged in or lent by a hypervisor; what software makes of them
 * (loop, ram, zram, raid, logical volumes) is not a disk but a use of one.
 */
import type { Grains } from "@boma/protocol";

import { assignments, byName, clean, lastPart, present, type Collector, type Source } from "./source.ts";
import { containerKind } from "./virtual.ts";

const BLOCK = "/sys/block";
const SECTOR_BYTES = 512;
const DISKS_MAX = 256;
const PARTITIONS_MAX = 128;
const MOUNTS_BYTES_MAX = 4 * 1024 * 1024;
const SWAPS_BYTES_MAX = 64 * 1024;
const UDEV_BYTES_MAX = 64 * 1024;

/** Boot areas of memory cards, optical and floppy drives, raw flash. */
const NOT_A_DISK = /^(mmcblk\d+(boot\d+|rpmb|gp\d+)|sr\d+|fd\d+|mtdblock\d+)$/;

/** What is mounted or swapped on, by device number and by name. */
interface Uses {
  readonly numbers: ReadonlySet<string>;
  readonly names: ReadonlySet<string>;
}

export const disks: Collector = {
  name: "disks",
  collect: async (source) => {
    // A container sees its host's disks but not what the host does with them: they would seem free.
    if ((await containerKind(source)) !== undefined) return {};
    const [names, uses] = await Promise.all([source.list(BLOCK), readUses(source)]);
    if (names.length === 0) return {};
    const plain = names.filter((name) => /^[\w.!-]{1,32}$/.test(name) && !NOT_A_DISK.test(name));
    const found = await Promise.all(
      plain.slice(0, DISKS_MAX).map(async (name) => [name, await readDisk(source, name, uses)] as const),
    );
    return { disks: present(found) };
  },
};

async function readDisk(source: Source, name: string, uses: Uses | undefined): Promise<Grains | undefined> {
  const path = `${BLOCK}/${name}`;
  const link = (await source.link(path)) ?? "";
  // A disk that is reached over several NVMe paths lies among the virtual devices all the same.
  if (link.includes("/virtual/") && !/^nvme\d+n\d+$/.test(name)) return undefined;
  const [hidden, size, rotational, removable, model, identity, used, parts] = await Promise.all([
    source.word(`${path}/hidden`),
    source.number(`${path}/size`),
    source.word(`${path}/queue/rotational`),
    source.word(`${path}/removable`),
    source.word(`${path}/device/${name.startsWith("mmcblk") ? "name" : "model"}`),
    readIdentity(source, name),
    isUsed(source, path, uses),
    readPartitions(source, name, uses),
  ]);
  // A reader without a card is no disk, and neither is one of several paths to a disk.
  if (hidden === "1" || size === undefined || size === 0) return undefined;
  return present({
    path: `/dev/${name.replaceAll("!", "/")}`,
    size: size * SECTOR_BYTES,
    kind: diskKind(name, link, rotational),
    model,
    serial: identity.serial,
    wwn: identity.wwn,
    rotational: rotational === undefined ? undefined : rotational === "1",
    removable: removable === undefined ? undefined : removable === "1",
    in_use: used === undefined ? undefined : used || parts.some(([, part]) => part["in_use"] === true),
    partitions: parts.length === 0 ? undefined : present(parts),
  });
}

/** How it is attached, where that says more than what it is made of. */
function diskKind(name: string, link: string, rotational: string | undefined): string {
  if (name.startsWith("nvme")) return "nvme";
  if (name.startsWith("mmcblk")) return "mmc";
  if (name.startsWith("rbd")) return "rbd";
  if (/\/virtio\d+\//.test(link)) return "virtio";
  if (/\/usb\d+\//.test(link)) return "usb";
  if (/\/session\d+\//.test(link)) return "iscsi";
  if (name.startsWith("xvd")) return "xen";
  return rotational === undefined ? "disk" : rotational === "1" ? "hdd" : "ssd";
}

/** The kernel tells it in another place for each kind of disk; udev has asked the rest. */
async function readIdentity(source: Source, name: string) {
  const path = `${BLOCK}/${name}`;
  const [own, device, page, wwid, deviceWwid, number] = await Promise.all([
    source.word(`${path}/serial`),
    source.word(`${path}/device/serial`),
    source.bytes(`${path}/device/vpd_pg80`),
    source.word(`${path}/wwid`),
    source.word(`${path}/device/wwid`),
    source.word(`${path}/dev`),
  ]);
  // A SCSI page has a head of four bytes before its text.
  const paged = page && clean(Buffer.from(page.subarray(4)).toString("latin1"));
  const serial = own ?? device ?? paged;
  const wwn = worldWideName(wwid) ?? worldWideName(deviceWwid);
  if ((serial && wwn) || number === undefined || !/^\d+:\d+$/.test(number)) return { serial, wwn };
  const asked = assignments(
    (await source.text(`/run/udev/data/b${number}`, UDEV_BYTES_MAX))?.replaceAll(/^E:/gm, ""),
  );
  return {
    serial: serial ?? clean(asked.get("ID_SERIAL_SHORT")),
    wwn: wwn ?? clean(asked.get("ID_WWN_WITH_EXTENSION") ?? asked.get("ID_WWN")),
  };
}

/** As udev and lsblk write it. Other forms hold only model and serial again. */
function worldWideName(wwid: string | undefined): string | undefined {
  const naa = /^naa\.([0-9a-f]{16,32})$/i.exec(wwid ?? "")?.[1];
  if (naa !== undefined) return `0x${naa.toLowerCase()}`;
  return /^(eui\.[0-9a-f]{16,32}|uuid\.[0-9a-f-]{32,36})$/i.test(wwid ?? "")
    ? wwid?.toLowerCase()
    : undefined;
}

async function readPartitions(source: Source, name: string, uses: Uses | undefined) {
  const inside = await source.list(`${BLOCK}/${name}`);
  const named = inside.filter((entry) => entry.startsWith(name) && /^p?\d+$/.test(entry.slice(name.length)));
  const read = named.slice(0, PARTITIONS_MAX).map(async (part): Promise<readonly [string, Grains]> => {
    const path = `${BLOCK}/${name}/${part}`;
    const [size, used] = await Promise.all([source.number(`${path}/size`), isUsed(source, path, uses)]);
    return [part, present({ size: size === undefined ? undefined : size * SECTOR_BYTES, in_use: used })];
  });
  return Promise.all(read);
}

/** Mounted, swapped on, or held by raid, LVM or encryption. Unknown if the mounts cannot be read. */
async function isUsed(source: Source, path: string, uses: Uses | undefined): Promise<boolean | undefined> {
  const [holders, number] = await Promise.all([source.list(`${path}/holders`), source.word(`${path}/dev`)]);
  if (holders.length > 0) return true;
  if (uses === undefined) return undefined;
  return uses.names.has(lastPart(path) ?? "") || (number !== undefined && uses.numbers.has(number));
}

/** The device number finds what is mounted as /dev/root; the name finds btrfs, whose numbers are its own. */
async function readUses(source: Source): Promise<Uses | undefined> {
  const [info, plain, swaps] = await Promise.all([
    source.text("/proc/self/mountinfo", MOUNTS_BYTES_MAX),
    source.text("/proc/mounts", MOUNTS_BYTES_MAX),
    source.text("/proc/swaps", SWAPS_BYTES_MAX),
  ]);
  if (info === undefined && plain === undefined) return undefined;
  const lines = info?.split("\n").map((line) => line.split(" ")) ?? [];
  const sources = [
    ...lines.map((fields) => fields[fields.indexOf("-") + 2]),
    ...(plain?.split("\n").map((line) => line.split(" ")[0]) ?? []),
    ...(swaps?.split("\n").map((line) => line.split(/\s/)[0]) ?? []),
  ];
  const names = sources.flatMap((device) =>
    device?.startsWith("/dev/") ? device.slice(5).replaceAll("/", "!") : [],
  );
  return {
    numbers: new Set(lines.flatMap((fields) => fields[2] ?? [])),
    names: new Set(names.toSorted(byName)),
  };
}
