/** What a site holds, in one word, and where two of them differ first. What is made of it, and its history, do not count. */
import { createHash } from "node:crypto";
import { lstatSync, readdirSync, readFileSync, readlinkSync } from "node:fs";
import { join } from "node:path";

const LEFT_OUT: ReadonlySet<string> = new Set([".boma", ".git", "node_modules"]);

/** Each file by its path below the site. A link is its target, so that nothing outside is read. */
export function siteFiles(dir: string, below = ""): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  for (const name of readdirSync(join(dir, below)).toSorted()) {
    const path = below === "" ? name : `${below}/${name}`;
    if (below === "" && LEFT_OUT.has(name)) continue;
    const at = lstatSync(join(dir, path));
    if (at.isDirectory()) for (const [file, digest] of siteFiles(dir, path)) found.set(file, digest);
    else if (at.isSymbolicLink()) found.set(path, `link ${readlinkSync(join(dir, path))}`);
    else if (at.isFile()) found.set(path, sha256(readFileSync(join(dir, path))));
  }
  return found;
}

const sha256 = (data: Uint8Array | string): string => createHash("sha256").update(data).digest("hex");

export const siteDigest = (files: ReadonlyMap<string, string>): string =>
  sha256(JSON.stringify([...files].toSorted(([a], [b]) => (a < b ? -1 : 1))));

export function firstDifference(
  one: ReadonlyMap<string, string>,
  other: ReadonlyMap<string, string>,
): string | undefined {
  const paths = [...new Set([...one.keys(), ...other.keys()])].toSorted();
  return paths.find((path) => one.get(path) !== other.get(path));
}
