/** Writes files of a backup below a directory that is only moved to its place when all of them are there. */
import { createWriteStream } from "node:fs";
import { chmod, mkdir, symlink } from "node:fs/promises";
import { dirname, join } from "node:path";
import { pipeline } from "node:stream/promises";

import type { ArchiveReader } from "./archive-reader.ts";

export async function putFiles(
  archive: ArchiveReader,
  from: string,
  to: string,
  closed: boolean,
): Promise<void> {
  const found = archive.below(from);
  for (const { path, entry } of found)
    if (entry.kind === "file") {
      const target = join(to, path);
      await mkdir(dirname(target), { recursive: true, mode: closed ? 0o700 : 0o755 });
      await pipeline(
        archive.bytes(entry.name),
        createWriteStream(target, { flags: "wx", mode: 0o600, flush: true }),
      );
      await chmod(target, entry.mode);
    }
  // Last of all: nothing is written through one of them.
  for (const { path, entry } of found)
    if (entry.kind === "link") {
      await mkdir(dirname(join(to, path)), { recursive: true });
      await symlink(entry.target, join(to, path));
    }
}
