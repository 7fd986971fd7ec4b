/**
 * Hears when files change, from the kernel and without looking. What is watched is the directory that a file is in,
 * so that a file which is replaced by another one, or which is not there yet, is heard of too. Where that directory is
 * missing the nearest one above it is watched until it comes.
 */
import { type FSWatcher, readdirSync, statSync, watch } from "node:fs";
import { basename, dirname, join, sep } from "node:path";

import { messageOf } from "../files.ts";

export interface WatchOptions {
  /** Directories of the kernel's that one call may take; what is beyond it is named in `unwatched`. */
  readonly directoriesMax?: number;
  /** One word about a path however often it changes within this time. */
  readonly gatherMs?: number;
  /** A directory that was moved away with its parent, or mounted over, says nothing: it is compared this often. */
  readonly compareMs?: number;
}

export interface Watched {
  stop(): void;
  /** What cannot be watched, and so has to be looked at. */
  readonly unwatched: readonly string[];
}

const DIRECTORIES_MAX = 1024;
const GATHER_MS = 50;
const COMPARE_MS = 60_000;
/** Names that may wait for one word about them; a directory that boils over is told as itself. */
const GATHERED_MAX = 1000;

/** A path that ends in `/` is a directory whose entries are meant; `changed` is then called with the entry. */
export function watchPaths(
  paths: readonly string[],
  changed: (path: string) => void,
  options: WatchOptions = {},
): Watched {
  const watching = new PathWatch(changed, options);
  for (const path of new Set(paths)) watching.place(path);
  return watching;
}

interface Directory {
  readonly watcher: FSWatcher;
  readonly inode: string;
  /** The wanted paths that wait for something in this directory. */
  readonly paths: Set<string>;
}

class PathWatch implements Watched {
  readonly #changed: (path: string) => void;
  readonly #options: WatchOptions;
  readonly #directories = new Map<string, Directory>();
  /** Where each wanted path is waited for. */
  readonly #places = new Map<string, string>();
  readonly #unwatched = new Map<string, string>();
  readonly #gathered = new Set<string>();
  readonly #comparing: NodeJS.Timeout;
  #telling: NodeJS.Timeout | undefined;
  #stopped = false;

  constructor(changed: (path: string) => void, options: WatchOptions) {
    this.#changed = changed;
    this.#options = options;
    this.#comparing = setInterval(() => this.#compare(), options.compareMs ?? COMPARE_MS).unref();
  }

  get unwatched(): readonly string[] {
    return [...this.#unwatched.keys()];
  }

  /** Waits for the path in the nearest directory that there is. */
  place(path: string): void {
    const wanted = directoryOf(path);
    for (let dir = wanted; ; dir = dirname(dir)) {
      const placed = this.#join(dir, path);
      if (placed === "full") return;
      if (placed === "there") {
        // Between the look and the watch the next one on the way may have come.
        if (dir !== wanted && inodeOf(join(dir, nextOn(dir, path))) !== undefined) this.#move(path);
        return;
      }
      if (dir === dirname(dir)) return;
    }
  }

  #join(dir: string, path: string): "there" | "missing" | "full" {
    const inode = inodeOf(dir);
    if (inode === undefined) return "missing";
    let directory = this.#directories.get(dir);
    if (!directory) {
      if (this.#directories.size >= (this.#options.directoriesMax ?? DIRECTORIES_MAX)) {
        this.#unwatched.set(path, "too many directories");
        return "full";
      }
      try {
        const watcher = watch(dir, { persistent: false }, (_, name) => this.#heard(dir, name));
        watcher.on("error", () => this.#lose(dir));
        directory = { watcher, inode, paths: new Set() };
        this.#directories.set(dir, directory);
      } catch (thrown) {
        if (inodeOf(dir) === undefined) return "missing";
        this.#unwatched.set(path, messageOf(thrown));
        return "full";
      }
    }
    directory.paths.add(path);
    this.#places.set(path, dir);
    this.#unwatched.delete(path);
    return "there";
  }

  #heard(dir: string, name: string | null): void {
    const directory = this.#directories.get(dir);
    if (this.#stopped || !directory) return;
    // A directory that goes away says its own name.
    if (name === null || (name === basename(dir) && inodeOf(dir) !== directory.inode)) return this.#lose(dir);
    for (const path of directory.paths) {
      if (directoryOf(path) === dir) {
        if (path.endsWith(sep)) this.#tell(join(dir, name), path);
        else if (basename(path) === name) this.#tell(path, path);
      } else if (nextOn(dir, path) === name) this.#move(path);
    }
  }

  /** What was on the way to it has come or gone. */
  #move(path: string): void {
    const before = this.#places.get(path);
    this.#leave(path);
    this.place(path);
    const now = this.#places.get(path);
    if (now !== before && now === directoryOf(path)) this.#came(path);
  }

  /** What was put there before it was watched was told by nobody. */
  #came(path: string): void {
    this.#tell(path, path);
    if (path.endsWith(sep)) for (const name of entriesOf(path)) this.#tell(join(path, name), path);
  }

  #leave(path: string): void {
    const dir = this.#places.get(path);
    const directory = dir === undefined ? undefined : this.#directories.get(dir);
    this.#places.delete(path);
    if (dir === undefined || !directory) return;
    directory.paths.delete(path);
    if (directory.paths.size > 0) return;
    directory.watcher.close();
    this.#directories.delete(dir);
  }

  #lose(dir: string): void {
    const directory = this.#directories.get(dir);
    if (this.#stopped || !directory) return;
    const paths = [...directory.paths];
    directory.watcher.close();
    this.#directories.delete(dir);
    for (const path of paths) {
      this.#places.delete(path);
      this.place(path);
      if (directoryOf(path) === dir) this.#came(path);
    }
  }

  #compare(): void {
    for (const [dir, { inode }] of this.#directories) if (inodeOf(dir) !== inode) this.#lose(dir);
    for (const path of this.#unwatched.keys()) this.place(path);
  }

  #tell(what: string, wanted: string): void {
    this.#gathered.add(this.#gathered.size < GATHERED_MAX ? what : wanted);
    this.#telling ??= setTimeout(() => {
      this.#telling = undefined;
      const told = [...this.#gathered];
      this.#gathered.clear();
      for (const one of told) if (!this.#stopped) this.#changed(one);
    }, this.#options.gatherMs ?? GATHER_MS).unref();
  }

  stop(): void {
    this.#stopped = true;
    clearInterval(this.#comparing);
    clearTimeout(this.#telling);
    for (const { watcher } of this.#directories.values()) watcher.close();
    this.#directories.clear();
    this.#places.clear();
  }
}

/** The directory whose entries tell of this path. */
const directoryOf = (path: string): string => (path.endsWith(sep) ? path.slice(0, -1) || sep : dirname(path));

/** The name below `dir` on the way to the path. */
const nextOn = (dir: string, path: string): string =>
  path.slice(dir === sep ? 1 : dir.length + 1).split(sep)[0] ?? "";

function entriesOf(dir: string): readonly string[] {
  try {
    return readdirSync(dir);
  } catch {
    return [];
  }
}

/** Which directory it is that has this name now; `undefined` where there is none. */
function inodeOf(dir: string): string | undefined {
  try {
    const found = statSync(dir, { throwIfNoEntry: false });
    return found?.isDirectory() ? `${found.dev}:${found.ino}` : undefined;
  } catch {
    return undefined;
  }
}
