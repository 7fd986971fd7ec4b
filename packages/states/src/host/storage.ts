/** Block devices, volume groups and filesystems. */

export interface BlockDevice {
  /** The kernel's name for it, links followed: two paths with the same one are the same device. */
  readonly path: string;
  /** disk, part, lvm, loop, crypt, raid1, …: lsblk's word. */
  readonly type: string;
  readonly bytes: number;
  readonly readOnly: boolean;
  readonly removable: boolean;
  /** What its maker wrote on it, where it says so. */
  readonly serial: string | undefined;
  /** Its name in the whole world, where it has one. */
  readonly wwn?: string | undefined;
  /** The device that it is a part of. */
  readonly parent: string | undefined;
  /** Devices that lie on this one: partitions, volumes, arrays. */
  readonly children: readonly string[];
  /** Where it is mounted; `[SWAP]` where it is swapped to. */
  readonly mountpoints: readonly string[];
}

/** What a low-level probe of a device finds: never what a cache remembers. */
export interface Content {
  /** `ext4`, `LVM2_member`, …; `undefined` when the probe recognises nothing. */
  readonly type?: string | undefined;
  readonly usage?: string | undefined;
  readonly label?: string | undefined;
  readonly uuid?: string | undefined;
  readonly partitionTable?: string | undefined;
  /** More than one thing could be meant. */
  readonly ambivalent?: boolean | undefined;
}

export interface PhysicalVolume {
  readonly device: string;
  /** `undefined`: in no group yet. */
  readonly group: string | undefined;
}
export interface VolumeGroup {
  readonly name: string;
  readonly extentBytes: number;
  readonly bytes: number;
  readonly freeBytes: number;
}
export interface Volume {
  readonly group: string;
  readonly name: string;
  readonly bytes: number;
}

export interface ReadStorage {
  /** The whole disks of the machine, by the kernel's names. */
  disks(): Promise<readonly string[]>;
  /** `undefined` when there is no such device. Links are followed. */
  device(path: string): Promise<BlockDevice | undefined>;
  probe(path: string): Promise<Content>;
  /** Every signature that `wipefs` would find, by its type. */
  signatures(path: string): Promise<readonly string[]>;
  /** Whether the first and the last MiB are nothing but zeros. */
  isBlank(path: string): Promise<boolean>;
  /**
   * Where something stands on it that is not zero: in its first and last 16 MiB, and in samples of 1 MiB all over it.
   * What carries no signature, such as raw data, is seen by nothing else.
   */
  firstWritten(path: string): Promise<number | undefined>;
  /** Whether somebody has it for himself: a mount, swap, an array, a pool, a virtual machine. */
  isHeld(path: string): Promise<boolean>;
  /** How much of its device a filesystem uses; `undefined` when it cannot be told. */
  filesystemBytes(path: string, type: string): Promise<number | undefined>;
  physicalVolumes(): Promise<readonly PhysicalVolume[]>;
  groups(): Promise<readonly VolumeGroup[]>;
  volumes(): Promise<readonly Volume[]>;
}

export interface NewFilesystem {
  readonly type: string;
  readonly label?: string | undefined;
  readonly options?: readonly string[] | undefined;
}

/** Nothing here is ever forced: a program that asks "really?" gets no answer, and fails. */
export interface Storage extends ReadStorage {
  makeFilesystem(path: string, filesystem: NewFilesystem): Promise<void>;
  setLabel(path: string, type: string, label: string): Promise<void>;
  /** To the size of its device; while it is mounted where it is. */
  growFilesystem(path: string, type: string): Promise<void>;
  createGroup(name: string, devices: readonly string[]): Promise<void>;
  extendGroup(name: string, devices: readonly string[]): Promise<void>;
  /** `all`: everything that is free in the group. */
  createVolume(
    volume: { readonly group: string; readonly name: string },
    extents: number | "all",
  ): Promise<void>;
  /** To this many extents in all, never fewer than it has. */
  extendVolume(
    volume: { readonly group: string; readonly name: string },
    extents: number | "all",
  ): Promise<void>;
  /** Takes away all that a disk and its partitions are known by, and zeros its ends, or all of it. Fails where it is in use. */
  wipe(path: string, how: { readonly parts: readonly string[]; readonly whole: boolean }): Promise<void>;
}
