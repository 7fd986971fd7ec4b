/** Paths of the site: from its root, and never out of it. */
import { readdirSync, readFileSync, realpathSync, statSync } from "node:fs";
import { isAbsolute, join, relative, sep } from "node:path";

import { SiteError } from "./site-error.ts";

/** Files are read whole: trees, data, templates, contents. */
const FILE_BYTES_MAX = 16 * 1024 * 1024;
const LISTED_MAX = 20_000;

export class SitePaths {
  /** Where the site really lies. */
  readonly root: string;

  constructor(site: string) {
    this.root = realpathSync(site);
  }

  /** A path of this machine by its name in the site; `undefined` where it lies outside. */
  nameOf(path: string): string | undefined {
    const name = relative(this.root, path);
    return name === "" || name === ".." || name.startsWith(`..${sep}`) || isAbsolute(name) ? undefined : name;
  }

  at = (name: string): string => join(this.root, name);

  isFile(name: string): boolean {
    return statSync(this.at(name), { throwIfNoEntry: false })?.isFile() ?? false;
  }

  /** The files below a folder, by their paths from it; links are not followed. */
  list(name: string): { readonly path: string; readonly executable: boolean }[] {
    this.#inside(name);
    const found = readdirSync(this.at(name), { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => relative(this.at(name), join(entry.parentPath, entry.name)));
    if (found.length <= LISTED_MAX)
      return found.toSorted().map((path) => ({
        path,
        executable: (statSync(join(this.at(name), path)).mode & 0o100) !== 0,
      }));
    throw new SiteError("site/file", `${name} has more than ${LISTED_MAX} files`);
  }

  /** Where a path of the site really leads, and that it stays there. */
  #inside(name: string): string {
    if (isAbsolute(name) || this.nameOf(this.at(name)) === undefined)
      throw new SiteError("site/file", `${JSON.stringify(name)} is not a path in the site`);
    let real: string;
    try {
      real = realpathSync(this.at(name));
    } catch {
      throw new SiteError("site/file", `the site has no file ${name}`);
    }
    if (this.nameOf(real) !== undefined) return real;
    throw new SiteError("site/file", `${name} is a link that leads out of the site`);
  }

  /** What is in a file that a tree names. Links are followed within the site only. */
  bytes(name: string): Uint8Array {
    const real = this.#inside(name);
    const stat = statSync(real);
    if (!stat.isFile()) throw new SiteError("site/file", `${name} is not a file`);
    if (stat.size > FILE_BYTES_MAX)
      throw new SiteError("site/file", `${name} is larger than ${FILE_BYTES_MAX} bytes`);
    return new Uint8Array(readFileSync(real));
  }

  read(name: string): string {
    const bytes = this.bytes(name);
    try {
      return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
    } catch {
      throw new SiteError("site/file", `${name} is not text in UTF-8`);
    }
  }
}

/** Where a text stands in a file, counted from 1. */
export function positionOf(source: string, offset: number): { line: number; column: number } {
  const before = source.slice(0, offset);
  const line = before.split("\n").length;
  return { line, column: offset - before.lastIndexOf("\n") };
}

/** Where a text stands as a literal in a source; the second quote is the same as the first. */
export function literalIn(source: string, text: string): { line: number; column: number } | undefined {
  const at = ['"', "'", "`"]
    .map((quote) => source.indexOf(`${quote}${text}${quote}`))
    .filter((found) => found >= 0);
  return at.length === 0 ? undefined : positionOf(source, Math.min(...at));
}
