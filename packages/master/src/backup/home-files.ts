/** What of a master's home and site goes into a backup, and under which names. */
import { createReadStream } from "node:fs";
import { readdir, readlink, stat } from "node:fs/promises";
import { join } from "node:path";

import { headsFile, segmentsIn } from "../audit/segments.ts";
import type { ArchiveWriter } from "./archive-writer.ts";

/** The names of the parts begin with one of these. */
export const PLACE = { home: "home", audit: "audit", site: "site", streams: "streams" } as const;

export const ROOT_KEY = "master/keys/root.json";

/** Of the home: made anew, another's, or copied in a way of its own. */
const LEFT_OUT: ReadonlySet<string> = new Set([
  "agent",
  "image-cache",
  "images",
  "join",
  "master/audit",
  "master/bus",
  "master/instance",
  "packages",
  "site",
]);
/** Of the site: what is fetched again. */
const SITE_LEFT_OUT: ReadonlySet<string> = new Set([".git", "node_modules"]);

const NEWLINE = 0x0a;

export async function addHome(archive: ArchiveWriter, home: string, withRootKey: boolean): Promise<void> {
  await addTree(archive, { from: home, to: PLACE.home }, (path) => {
    if (path === ROOT_KEY) return withRootKey;
    return !LEFT_OUT.has(path) && !path.endsWith(".new");
  });
}

export const addSite = (archive: ArchiveWriter, site: string): Promise<void> =>
  addTree(archive, { from: site, to: PLACE.site }, (path) => !SITE_LEFT_OUT.has(path.split("/").at(-1)!));

interface Tree {
  readonly from: string;
  readonly to: string;
}

async function addTree(
  archive: ArchiveWriter,
  { from, to }: Tree,
  isWanted: (path: string) => boolean,
  below = "",
): Promise<void> {
  for (const entry of (await entriesIn(join(from, below))).sort((a, b) => (a.name < b.name ? -1 : 1))) {
    const path = below === "" ? entry.name : `${below}/${entry.name}`;
    const [source, name] = [join(from, path), `${to}/${path}`];
    if (!isWanted(path)) continue;
    if (entry.isDirectory()) await addTree(archive, { from, to }, isWanted, path);
    else if (entry.isSymbolicLink()) await archive.link(name, await readlink(source));
    else if (entry.isFile())
      await archive.file(name, createReadStream(source), (await stat(source)).mode & 0o777);
  }
}

async function entriesIn(directory: string) {
  try {
    return await readdir(directory, { withFileTypes: true });
  } catch (error) {
    if (isGone(error)) return [];
    throw error;
  }
}

/** The heads first: what they sign is then in the segments. */
export async function addAudit(archive: ArchiveWriter, directory: string): Promise<void> {
  for (const path of [headsFile(directory), ...segmentsIn(directory).map((name) => join(directory, name))])
    // A segment that is older than the audit is kept goes while we copy; the record that says so comes along.
    if (await stat(path).catch(() => undefined))
      await archive.file(`${PLACE.audit}/${path.slice(directory.length + 1)}`, wholeLines(path));
}

/** A line that is being written is none yet. */
async function* wholeLines(path: string): AsyncGenerator<Uint8Array> {
  let rest: Buffer = Buffer.alloc(0);
  for await (const chunk of createReadStream(path) as AsyncIterable<Buffer>) {
    const end = chunk.lastIndexOf(NEWLINE) + 1;
    if (end > 0) yield Buffer.concat([rest, chunk.subarray(0, end)]);
    rest = end > 0 ? chunk.subarray(end) : Buffer.concat([rest, chunk]);
  }
}

const isGone = (error: unknown): boolean => (error as NodeJS.ErrnoException).code === "ENOENT";
