/**
 * The real files. Calls that the kernel answers from memory are made at once:
 * the way over a thread costs more than they do. What waits for a device, the
 * sync of a file and the reading of a large one, leaves the thread.
 */
import { createHash, randomBytes } from "node:crypto";
import {
  chmodSync,
  chownSync,
  closeSync,
  constants,
  fchmodSync,
  fchownSync,
  fstatSync,
  lchownSync,
  lstatSync,
  mkdirSync,
  openSync,
  read as readNow,
  readdirSync,
  readlinkSync,
  readSync,
  renameSync,
  type Stats,
  statfsSync,
  symlinkSync,
} from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";

import { BomaError } from "@boma/protocol";
import {
  fileComplaint,
  type Files,
  type FileStat,
  type FileType,
  HELD_BYTES_MAX,
  type Port,
  type ReadFiles,
} from "@boma/states/core";

import { type Place, type Places, placesBelow, O_PATH } from "./files-place.ts";
import { removeAt } from "./files-remove.ts";
import { idsOf, throughDraft, writeFile } from "./files-write.ts";
import { type Owners, readOwners } from "./owners.ts";

const readLater = promisify(readNow);
const SMALL_BYTES = 256 * 1024;
const PIECE_BYTES = 256 * 1024;
const DIRECTORY_MODE = 0o755;

interface World {
  readonly places: Places;
  readonly owners: Owners;
}

export function realFiles(root: string): Port<ReadFiles, Files> {
  const places = placesBelow(root);
  const owners = readOwners((path) => join(root, path));
  const world = { places, owners };
  const read = readHalf(world);
  return { read, write: { ...read, ...writeHalf(world) } };
}

/** Finds the place, does the work there, and puts what the machine says into people's words. */
async function at<T>(
  { places }: World,
  what: { readonly path: string; readonly does: string; readonly follow?: boolean },
  work: (place: Place) => T | Promise<T>,
): Promise<T> {
  let place: Place | undefined;
  try {
    place = places.of(what.path, what.does, what.follow);
    return await work(place);
  } catch (thrown) {
    throw complaintOf(thrown, what.does, what.path);
  } finally {
    place?.close();
  }
}

function complaintOf(thrown: unknown, does: string, path: string): unknown {
  if (thrown instanceof BomaError) return thrown;
  const { code } = thrown as NodeJS.ErrnoException;
  return typeof code === "string" && /^E[A-Z0-9]+$/.test(code)
    ? fileComplaint(code, does, path, thrown)
    : thrown;
}

function readHalf(world: World): ReadFiles {
  const stream = (path: string): AsyncGenerator<Uint8Array> => streamOf(world, path);
  const bytes = async (path: string): Promise<Buffer> => {
    const pieces: Uint8Array[] = [];
    let length = 0;
    for await (const piece of stream(path)) {
      length += piece.length;
      if (length > HELD_BYTES_MAX) throw fileComplaint("EFBIG", "read", path);
      pieces.push(piece);
    }
    return pieces.length === 1 ? (pieces[0] as Buffer) : Buffer.concat(pieces);
  };
  return {
    stat: (path) => statAt(world, path),
    readText: async (path) => (await bytes(path)).toString(),
    readBytes: bytes,
    readStream: stream,
    list: (path) =>
      at(world, { path, does: "list", follow: true }, ({ path: place }) => readdirSync(place).sort()),
    readLink: (path) => at(world, { path, does: "read the link" }, ({ path: place }) => readlinkSync(place)),
    async digest(path) {
      const hash = createHash("sha256");
      for await (const piece of stream(path)) hash.update(piece);
      return hash.digest("hex");
    },
    space: (path) =>
      at(world, { path, does: "measure", follow: true }, ({ path: place }) => {
        const { bsize, blocks, bfree, bavail, files, ffree } = statfsSync(place);
        return {
          bytes: blocks * bsize,
          bytesUsed: (blocks - bfree) * bsize,
          bytesFree: bavail * bsize,
          inodes: files,
          inodesFree: ffree,
        };
      }),
  };
}

async function statAt(world: World, path: string): Promise<FileStat | undefined> {
  try {
    return await at(world, { path, does: "look at" }, ({ path: place }) => {
      const stat = lstatSync(place, { throwIfNoEntry: false });
      return stat && statOf(stat, world.owners);
    });
  } catch (thrown) {
    // Where a directory above is missing, or a file stands in its place, there is nothing.
    if (thrown instanceof BomaError && isNothing(thrown)) return undefined;
    throw thrown;
  }
}

const isNothing = ({ code }: BomaError): boolean =>
  code === "state/file-missing" || code === "state/wrong-type";

const statOf = (stat: Stats, owners: Owners): FileStat => ({
  type: typeOf(stat),
  mode: (stat.mode & 0o7777).toString(8).padStart(4, "0"),
  owner: owners.userName(stat.uid),
  group: owners.groupName(stat.gid),
  uid: stat.uid,
  gid: stat.gid,
  bytes: stat.isFile() ? stat.size : 0,
  mtimeMs: stat.mtimeMs,
  device: stat.dev,
  inode: stat.ino,
  links: stat.nlink,
});

function typeOf(stat: Stats): FileType {
  if (stat.isFile()) return "file";
  if (stat.isDirectory()) return "directory";
  return stat.isSymbolicLink() ? "link" : "other";
}

/** A small file comes whole, as one piece. */
async function* streamOf(world: World, path: string): AsyncGenerator<Uint8Array> {
  let place: Place | undefined;
  let fd: number | undefined;
  try {
    place = world.places.of(path, "read", true);
    // Without O_NONBLOCK a named pipe would hold the agent until somebody writes into it.
    const flags = constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOCTTY;
    fd = openSync(place.path, world.places.confined ? flags | constants.O_NOFOLLOW : flags);
    const stat = fstatSync(fd);
    if (stat.isDirectory()) throw fileComplaint("EISDIR", "read", path);
    if (!stat.isFile()) throw fileComplaint("EINVAL", "read", path);
    const isSmall = stat.size < SMALL_BYTES;
    // One byte more than it has: the read that comes back short is the last. What the kernel makes up says 0.
    const room = stat.size === 0 ? 64 * 1024 : Math.min(stat.size + 1, PIECE_BYTES);
    for (;;) {
      const buffer = Buffer.allocUnsafe(room);
      const bytesRead = isSmall
        ? readSync(fd, buffer, 0, room, null)
        : (await readLater(fd, buffer, 0, room, null)).bytesRead;
      if (bytesRead > 0) yield buffer.subarray(0, bytesRead);
      if (bytesRead === 0 || (bytesRead < room && stat.size > 0 && isSmall)) return;
    }
  } catch (thrown) {
    throw complaintOf(thrown, "read", path);
  } finally {
    if (fd !== undefined) closeSync(fd);
    place?.close();
  }
}

function writeHalf(world: World): Omit<Files, keyof ReadFiles> {
  const { owners } = world;
  return {
    write: (path, content, ownership = {}) =>
      at(world, { path, does: "write" }, (place) =>
        writeFile({ at: place.path, path, ownership, owners }, content),
      ),
    makeDirectory: (path, ownership = {}) =>
      at(world, { path, does: "make the directory" }, ({ path: place }) => {
        const ids = idsOf(ownership, owners, path);
        // Private until it has its final owner.
        mkdirSync(place, 0o700);
        const fd = openSync(place, constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW);
        try {
          const is = fstatSync(fd);
          if (ids.uid !== undefined || ids.gid !== undefined)
            fchownSync(fd, ids.uid ?? is.uid, ids.gid ?? is.gid);
          fchmodSync(fd, ownership.mode === undefined ? DIRECTORY_MODE : Number.parseInt(ownership.mode, 8));
        } finally {
          closeSync(fd);
        }
      }),
    link: (path, target) =>
      at(world, { path, does: "link" }, async ({ path: place }) => {
        if (lstatSync(place, { throwIfNoEntry: false })?.isDirectory())
          throw fileComplaint("EISDIR", "link", path);
        await throughDraft(place, (beside) => symlinkOver(beside, target));
      }),
    chmod: (path, mode) =>
      at(world, { path, does: "change the mode of" }, ({ path: place }) =>
        heldAt(place, (held, stat) => {
          if (stat.isSymbolicLink()) throw fileComplaint("EINVAL", "change the mode of", path);
          chmodSync(held, Number.parseInt(mode, 8));
        }),
      ),
    chown: (path, owner) =>
      at(world, { path, does: "change the owner of" }, ({ path: place }) => {
        const { uid, gid } = idsOf(owner, owners, path);
        heldAt(place, (held, stat) => {
          if (stat.isSymbolicLink()) return lchownSync(place, uid ?? stat.uid, gid ?? stat.gid);
          chownSync(held, uid ?? stat.uid, gid ?? stat.gid);
          // The kernel took these bits away with the old owner.
          if ((stat.mode & 0o6000) !== 0) chmodSync(held, stat.mode & 0o7777);
        });
      }),
    remove: (path, { recursive = false } = {}) =>
      at(world, { path, does: "remove" }, (place) => removeAt(place, path, recursive)),
    rename: (from, to) =>
      at(world, { path: from, does: "rename" }, (source) => {
        lstatSync(source.path);
        return at(world, { path: to, does: `rename ${from} to` }, (target) =>
          renameSync(source.path, target.path),
        );
      }),
    async makeTemporary(parent) {
      const path = join(parent, `.boma-${randomBytes(6).toString("hex")}`);
      await at(world, { path, does: "make the directory" }, ({ path: place }) => mkdirSync(place, 0o700));
      return path;
    },
  };
}

function symlinkOver(path: string, target: string): void {
  const before = lstatSync(path, { throwIfNoEntry: false });
  if (before) removeAt({ path, real: path, close: () => undefined }, path, false);
  symlinkSync(target, path);
}

/** The thing itself, held so that no other can take its place in between. */
function heldAt(place: string, work: (held: string, stat: Stats) => void): void {
  const fd = openSync(place, O_PATH | constants.O_NOFOLLOW);
  try {
    work(`/proc/self/fd/${fd}`, fstatSync(fd));
  } finally {
    closeSync(fd);
  }
}
