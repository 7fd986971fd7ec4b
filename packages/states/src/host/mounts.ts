/** What is mounted where. */

export interface Mount {
  readonly path: string;
  /** What is mounted, in the words of the kernel: a device, `tmpfs`, `server:/export`. */
  readonly source: string;
  readonly fstype: string;
  /** The options of this mount and of its filesystem, as the kernel shows them. */
  readonly options: readonly string[];
  /** The same for the same thing, however it was named: compare with `identify`. */
  readonly identity: string;
}

export interface WantedMount {
  /** A device, `UUID=…`, `LABEL=…`, `server:/export`, a directory with `bind`. */
  readonly source: string;
  readonly path: string;
  readonly fstype: string;
  readonly options: readonly string[];
}

export interface ReadMounts {
  /** In the order in which they were mounted: the last one at a path hides those before it. */
  list(): Promise<readonly Mount[]>;
  /** What a mount would be of; `undefined` while there is no such device or directory. */
  identify(wanted: Pick<WantedMount, "source" | "fstype" | "options">): Promise<string | undefined>;
}

export interface Mounts extends ReadMounts {
  /** What `findmnt --verify` holds against these lines of an fstab; empty when nothing. It takes a draft on the disk. */
  verify(fstab: string): Promise<readonly string[]>;
  mount(wanted: WantedMount): Promise<void>;
  /** Gives a mount other options, in place. */
  remount(wanted: WantedMount): Promise<void>;
  /** The topmost mount at a path. Never forced and never lazy: one that is in use stays, and this throws. */
  unmount(path: string): Promise<void>;
}
