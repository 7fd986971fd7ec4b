/** Puts an archive's entries below a directory, and nothing anywhere else. */
import { posix } from "node:path";

import type { Files } from "../host/files.ts";
import { type ArchiveEntry, archiveError } from "./tar.ts";

const ENTRIES_MAX = 200_000;

export interface Extraction {
  readonly into: string;
  /** Leading parts of each path that are left out. */
  readonly strip: number;
  readonly bytesMax: number;
  readonly owner?: string | undefined;
  readonly group?: string | undefined;
}

export async function extract(
  files: Files,
  entries: AsyncIterable<ArchiveEntry>,
  extraction: Extraction,
): Promise<void> {
  const { into, strip, bytesMax, owner, group } = extraction;
  const made = new Set<string>(["."]);
  const links: { at: string; target: string }[] = [];
  const room = { bytes: bytesMax, entries: ENTRIES_MAX };
  const makeAbove = async (path: string): Promise<void> => {
    const above = posix.dirname(path);
    if (made.has(above)) return;
    await makeAbove(above);
    await files.makeDirectory(posix.join(into, above), { owner, group });
    made.add(above);
  };
  for await (const entry of entries) {
    if (--room.entries < 0) throw archiveError(`the archive has more than ${ENTRIES_MAX} entries`);
    const path = placeOf(entry, strip);
    if (path === undefined) continue;
    await makeAbove(path);
    const at = posix.join(into, path);
    const mode = entry.mode.toString(8).padStart(4, "0");
    if (entry.type === "directory") {
      // One that cannot be entered could not be filled.
      const open = (entry.mode | 0o700).toString(8).padStart(4, "0");
      if (made.has(path)) await files.chmod(at, open);
      else await files.makeDirectory(at, { owner, group, mode: open });
      made.add(path);
    } else if (entry.type === "link") links.push({ at, target: targetOf(entry, path) });
    else await files.write(at, bounded(entry, room), { owner, group, mode });
  }
  // After all the files: nothing is ever written through a link of the archive.
  for (const { at, target } of links) {
    await files.link(at, target);
    if (owner !== undefined || group !== undefined) await files.chown(at, { owner, group });
  }
}

/** Where it goes below the directory; `undefined` when nothing is left of its path. */
function placeOf({ path, special }: ArchiveEntry, strip: number): string | undefined {
  if (path.startsWith("/")) throw archiveError(`${path} is an absolute path, which is not extracted`);
  if (path.includes("\0") || path.includes("\\"))
    throw archiveError(`${JSON.stringify(path)} is no path to extract`);
  const parts = path.split("/").filter((part) => part !== "" && part !== ".");
  if (parts.includes("..")) throw archiveError(`${path} leads out of the directory, and is not extracted`);
  if (special) throw archiveError(`${path} has a set-user, set-group or sticky bit, and is not extracted`);
  return parts.length > strip ? parts.slice(strip).join("/") : undefined;
}

/** Steps up only at its beginning: behind the name of another link they would start from wherever that one leads. */
function targetOf({ path, target = "" }: ArchiveEntry, place: string): string {
  const leads = posix.normalize(posix.join(posix.dirname(place), target));
  if (
    target === "" ||
    target.startsWith("/") ||
    leads === ".." ||
    leads.startsWith("../") ||
    /[^./][^/]*\/(.*\/)?\.\.(\/|$)/.test(target)
  )
    throw archiveError(`${path} is a link that leads out of the directory: ${target}`);
  return target;
}

async function* bounded(entry: ArchiveEntry, room: { bytes: number }): AsyncGenerator<Uint8Array> {
  for await (const piece of entry.content) {
    room.bytes -= piece.length;
    if (room.bytes < 0)
      throw archiveError(`${entry.path}: unpacked, the archive is larger than \`bytesMax\``);
    yield piece;
  }
}
