/** What goes into an archive: paths with their modes, owned by root, dated with the commit; in one order. */
import { lstat, readdir, readFile, readlink } from "node:fs/promises";
import { join } from "node:path";

export type TreeFile =
  | { readonly kind: "directory"; readonly path: string; readonly mode: number }
  | { readonly kind: "file"; readonly path: string; readonly mode: number; readonly bytes: Uint8Array }
  | { readonly kind: "link"; readonly path: string; readonly target: string };

export const file = (path: string, bytes: Uint8Array | string, mode = 0o644): TreeFile => ({
  kind: "file",
  path,
  mode,
  bytes: typeof bytes === "string" ? Buffer.from(bytes) : bytes,
});

export const link = (path: string, target: string): TreeFile => ({ kind: "link", path, target });

export const directory = (path: string, mode = 0o755): TreeFile => ({ kind: "directory", path, mode });

/** What lies below a directory of this machine, as `under` in the archive. Only whether it can be run is taken over of its mode. */
export async function filesBelow(dir: string, under: string): Promise<TreeFile[]> {
  const found: TreeFile[] = [];
  for (const name of (await readdir(dir)).toSorted()) {
    const from = join(dir, name);
    const path = `${under}/${name}`;
    const stat = await lstat(from);
    if (stat.isSymbolicLink()) found.push(link(path, await readlink(from)));
    else if (stat.isDirectory()) found.push(...(await filesBelow(from, path)));
    else found.push(file(path, await readFile(from), (stat.mode & 0o100) === 0 ? 0o644 : 0o755));
  }
  return found;
}

/** With the directories that lead to them, and sorted: two builds list the same files the same way. */
export function withDirectories(files: readonly TreeFile[]): readonly TreeFile[] {
  const all = new Map<string, TreeFile>();
  for (const { path } of files)
    for (let at = path.indexOf("/"); at > 0; at = path.indexOf("/", at + 1))
      all.set(path.slice(0, at), directory(path.slice(0, at)));
  for (const entry of files) {
    if (all.get(entry.path)?.kind === "file") throw new Error(`${entry.path} is in the archive twice`);
    all.set(entry.path, entry);
  }
  return [...all.values()].toSorted((a, b) => (a.path < b.path ? -1 : 1));
}
