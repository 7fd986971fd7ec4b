/** Files of the site, evaluated: modules at once and synchronously, data from YAML. */
import { readdirSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";

import { SiteError } from "./site-error.ts";
import type { SitePaths } from "./site-paths.ts";
import { siteErrorOf } from "./thrown.ts";

export type Module = Readonly<Record<string, unknown>>;
const FILES_MAX = 10_000;
const DEPTH_MAX = 16;

export class SiteModules {
  readonly paths: SitePaths;
  readonly #require = createRequire(import.meta.url);
  /** Files that could not be used, each told once. */
  readonly errors = new Map<string, SiteError>();
  /** Hears which file's code is about to run. */
  readonly opening: (name: string) => void;

  constructor(paths: SitePaths, opening: (name: string) => void) {
    this.paths = paths;
    this.opening = opening;
  }

  load(name: string): Module {
    this.opening(name);
    // A file that is a link leads out of the site, where no import would be allowed to go.
    this.paths.read(name);
    try {
      return this.#require(this.paths.at(name)) as Module;
    } catch (thrown) {
      throw siteErrorOf(thrown, this.paths, { file: name });
    }
  }

  /** Does what needs a file; if it fails the others go on, and the fault is kept. */
  attempt<T>(name: string, work: () => T): T | undefined {
    try {
      return work();
    } catch (thrown) {
      this.errors.set(name, siteErrorOf(thrown, this.paths, { file: name }));
      return undefined;
    }
  }

  /** The files below a folder with such endings, in order; tests are not part of what a site says. */
  list(folder: string, endings: readonly string[]): string[] {
    const found: string[] = [];
    const walk = (name: string, depth: number): void => {
      if (depth > DEPTH_MAX || found.length > FILES_MAX)
        throw new SiteError("site/broken", `${folder}/ has more files or levels than a site may have`);
      for (const entry of readdirSync(this.paths.at(name), { withFileTypes: true })) {
        if (entry.name.startsWith(".") || entry.name === "node_modules") continue;
        const path = join(name, entry.name);
        if (entry.isDirectory()) walk(path, depth + 1);
        else if (endings.some((ending) => path.endsWith(ending)) && !/\.(test|d)\.ts$/.test(path))
          found.push(path);
      }
    };
    try {
      walk(folder, 0);
    } catch (thrown) {
      if ((thrown as NodeJS.ErrnoException).code !== "ENOENT") throw thrown;
    }
    return found.toSorted();
  }
}
