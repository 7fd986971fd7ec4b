/** Files, as a state may see and make them. Paths are absolute; with `--root` they mean what lies below it. */

export type FileType = "file" | "directory" | "link" | "other";

export interface FileStat {
  readonly type: FileType;
  /** Permissions in octal with four digits: "0644". */
  readonly mode: string;
  /** Names where the machine knows them, else numbers as text. */
  readonly owner: string;
  readonly group: string;
  readonly uid: number;
  readonly gid: number;
  readonly bytes: number;
  readonly mtimeMs: number;
  /** Which device and which inode: two paths may be one file, a mount point is another device than its parent. */
  readonly device: number;
  readonly inode: number;
  readonly links: number;
}

/** What a file system has, and what is left of it for everybody. */
export interface Space {
  readonly bytes: number;
  readonly bytesUsed: number;
  /** Less than the rest: a file system keeps some for root. */
  readonly bytesFree: number;
  /** 0 where the file system makes inodes as it needs them. */
  readonly inodes: number;
  readonly inodesFree: number;
}

export interface ReadFiles {
  /** What lies there itself, links not followed; `undefined` when nothing does. */
  stat(path: string): Promise<FileStat | undefined>;
  readText(path: string): Promise<string>;
  readBytes(path: string): Promise<Uint8Array>;
  /** The content piece by piece, for what may be large. */
  readStream(path: string): AsyncIterable<Uint8Array>;
  /** The names in a directory, sorted. */
  list(path: string): Promise<readonly string[]>;
  /** Where a symbolic link points, as it is written. */
  readLink(path: string): Promise<string>;
  /** SHA-256 of a file's content in hex, without holding the file. */
  digest(path: string): Promise<string>;
  /** Of the file system that the path is on. */
  space(path: string): Promise<Space>;
}

export interface Ownership {
  readonly owner?: string | undefined;
  readonly group?: string | undefined;
  readonly mode?: string | undefined;
}

export type FileContent = string | Uint8Array | AsyncIterable<Uint8Array>;

export interface Files extends ReadFiles {
  /**
   * Replaces or makes a file: draft beside it with the final ownership, synced, renamed. Ownership that is not said
   * is that of the file before, else the default of the process with mode 0644. Never follows a link at `path`.
   */
  write(path: string, content: FileContent, ownership?: Ownership): Promise<void>;
  /** Makes one directory, not its parents; mode 0755 where not said. */
  makeDirectory(path: string, ownership?: Ownership): Promise<void>;
  /** Makes or replaces a symbolic link, atomically; never a directory. */
  link(path: string, target: string): Promise<void>;
  /** Refuses a symbolic link. */
  chmod(path: string, mode: string): Promise<void>;
  /** Of the thing itself, links not followed; its mode stays as it is. */
  chown(
    path: string,
    owner: { readonly owner?: string | undefined; readonly group?: string | undefined },
  ): Promise<void>;
  /**
   * Removes a file, a link or an empty directory; with `recursive` a whole tree, in which no file system may be
   * mounted. Never the root, nor a mount point.
   */
  remove(path: string, options?: { readonly recursive?: boolean }): Promise<void>;
  rename(from: string, to: string): Promise<void>;
  /** Makes a private directory (0700) for drafts below the given one, which `remove` takes away again. */
  makeTemporary(parent: string): Promise<string>;
}
