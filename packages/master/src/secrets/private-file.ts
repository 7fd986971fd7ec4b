/** Reads a file that holds secrets: plain, small, and closed to everybody but its owner, who is root or this master. */
import { constants } from "node:fs";
import { open, realpath } from "node:fs/promises";

import { type Reference, unknown, unreadable } from "./reference.ts";

const FILE_BYTES_MAX = 1024 * 1024;

export interface ReadOptions {
  /** What is encrypted may be read by anybody. */
  readonly open?: boolean;
}

export async function readPrivate(
  path: string,
  reference: Reference,
  options: ReadOptions = {},
): Promise<Uint8Array> {
  // Without waiting: a named pipe in its place would hold the master for ever.
  const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOFOLLOW).catch(
    (thrown: NodeJS.ErrnoException) => {
      throw unreadable(reference, `${path} cannot be opened: ${thrown.code ?? "unknown fault"}`);
    },
  );
  try {
    const about = await file.stat();
    const { mode, uid, size } = about;
    if (!about.isFile()) throw unreadable(reference, `${path} is not a plain file`);
    if (!options.open && (mode & 0o077) !== 0)
      throw unreadable(reference, `${path} can be read by others`, `Run: chmod 600 ${path}`);
    if (!options.open && uid !== 0 && uid !== process.getuid?.())
      throw unreadable(
        reference,
        `${path} belongs to another user`,
        "Its owner must be root or the master's user.",
      );
    if (size > FILE_BYTES_MAX) throw unreadable(reference, `${path} is larger than ${FILE_BYTES_MAX} bytes`);
    const buffer = Buffer.alloc(size);
    const { bytesRead } = await file.read(buffer, 0, size, 0);
    return buffer.subarray(0, bytesRead);
  } finally {
    await file.close();
  }
}

/** Where a path really leads; links in it may point wherever their owner likes. */
export async function realPath(path: string, reference: Reference): Promise<string> {
  try {
    return await realpath(path);
  } catch (thrown) {
    const { code } = thrown as NodeJS.ErrnoException;
    if (code === "ENOENT" || code === "ENOTDIR")
      throw unknown(reference, `there is no ${path} on the master`);
    throw unreadable(reference, `${path} cannot be read: ${code ?? "unknown fault"}`);
  }
}
