/**
 * Where a path of a state really is. On the whole machine that is the path
 * itself. Below `--root` it is found part by part, with links taken as the
 * machine below the root would take them, and the directory found is held open:
 * what is done there is done in that directory, wherever somebody moves it or
 * puts a link in its place meanwhile.
 */
import { closeSync, constants, lstatSync, openSync, readlinkSync, realpathSync } from "node:fs";
import { join } from "node:path";

import { BomaError } from "@boma/protocol";
import { fileComplaint } from "@boma/states/core";

export const O_PATH = 0o10_000_000;
const LINKS_MAX = 40;

export interface Place {
  /** For a call of the machine, which must not follow a link at its end when it is confined. */
  readonly path: string;
  /** The same for the kernel's list of mounts. */
  readonly real: string;
  close(): void;
}

export interface Places {
  readonly confined: boolean;
  /** `follow`: the last part too may be a link. */
  of(path: string, does: string, follow?: boolean): Place;
}

export const placesBelow = (root: string): Places => (root === "/" ? everywhere : below(realpathSync(root)));

const everywhere: Places = {
  confined: false,
  of: (path) => ({ path, real: path, close: () => undefined }),
};

function below(root: string): Places {
  return {
    confined: true,
    of(path, does, follow = false) {
      const parts = walk(root, { path, does, follow });
      const name = parts.pop();
      const parent = join(root, ...parts);
      const fd = openDirectory(parent, path, does);
      return {
        path: name === undefined ? `/proc/self/fd/${fd}/.` : `/proc/self/fd/${fd}/${name}`,
        real: join(parent, name ?? ""),
        close: () => closeSync(fd),
      };
    },
  };
}

interface Wanted {
  readonly path: string;
  readonly does: string;
  readonly follow: boolean;
}

/** The parts below the root, none of them a link but the last where it is not followed. */
function walk(root: string, { path, does, follow }: Wanted): string[] {
  const todo = path.split("/").toReversed();
  const done: string[] = [];
  let links = 0;
  while (todo.length > 0) {
    const part = todo.pop()!;
    if (part === "" || part === ".") continue;
    if (part === "..") {
      done.pop();
      continue;
    }
    const isLast = todo.every((rest) => rest === "" || rest === ".");
    const stat = lstatSync(join(root, ...done, part), { throwIfNoEntry: false });
    if (stat?.isSymbolicLink() && (follow || !isLast)) {
      if (++links > LINKS_MAX) throw fileComplaint("ELOOP", does, path);
      const target = readlinkSync(join(root, ...done, part));
      if (target.startsWith("/")) done.length = 0;
      todo.push(...target.split("/").toReversed());
      continue;
    }
    if (!isLast && !stat) throw fileComplaint("ENOENT", does, path);
    if (!isLast && !stat!.isDirectory()) throw fileComplaint("ENOTDIR", does, path);
    done.push(part);
  }
  return done;
}

/** Proves after opening that it is the directory that was meant: between the walk and now it may have been swapped. */
function openDirectory(directory: string, path: string, does: string): number {
  const fd = openSync(directory, O_PATH | constants.O_DIRECTORY | constants.O_NOFOLLOW);
  try {
    if (readlinkSync(`/proc/self/fd/${fd}`) === directory) return fd;
  } catch (thrown) {
    closeSync(fd);
    throw thrown;
  }
  closeSync(fd);
  throw new BomaError("state/file", `cannot ${does} ${path}: the directory was moved or replaced meanwhile`);
}
