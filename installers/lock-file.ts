/** What the lock file says of the packages of npm, and which of them a machine of one architecture needs. */
import { readFileSync } from "node:fs";
import { join } from "node:path";

import { z } from "zod";

import { ROOT } from "./root.ts";

/** As Debian says it, and as npm does. */
export const ARCHITECTURES = { amd64: "x64", arm64: "arm64" } as const;
export type Architecture = keyof typeof ARCHITECTURES;

const names = z.record(z.string(), z.string()).optional();
const words = z.union([z.string(), z.array(z.string())]).optional();
const Entry = z.looseObject({
  version: z.string().optional(),
  integrity: z.string().optional(),
  link: z.boolean().optional(),
  dependencies: names,
  optionalDependencies: names,
  cpu: words,
  os: words,
  libc: words,
});
type Entry = z.output<typeof Entry>;

export interface Locked {
  /** Where it lies below the root: `node_modules/…`. */
  readonly path: string;
  readonly name: string;
  readonly version: string;
  readonly integrity: string;
}

const PLACE = "node_modules/";

export class LockFile {
  readonly #entries: Readonly<Record<string, Entry>>;

  constructor() {
    const text = readFileSync(join(ROOT, "package-lock.json"), "utf8");
    this.#entries = z.object({ packages: z.record(z.string(), Entry) }).parse(JSON.parse(text)).packages;
  }

  locked(path: string): Locked {
    const { version, integrity } = this.#entries[path] ?? {};
    const name = path.slice(path.lastIndexOf(PLACE) + PLACE.length);
    if (version === undefined || integrity === undefined)
      throw new Error(`the lock file has no ${name} at ${path}: run \`npm install\``);
    return { path, name, version, integrity };
  }

  /** These packages and all that they need on such a machine; our own are not among them. */
  closure(names: readonly string[], arch: Architecture): readonly Locked[] {
    const found = new Map<string, Locked>();
    const visit = (name: string, from: string, optional: boolean): void => {
      const path = this.#resolve(name, from);
      const entry = path === undefined ? undefined : this.#entries[path];
      if (path === undefined || entry === undefined) {
        if (optional) return;
        throw new Error(`the lock file does not say where ${from || "the build"} finds ${name}`);
      }
      if (found.has(path) || !fits(entry, arch)) return;
      if (entry.link) return;
      found.set(path, this.locked(path));
      for (const next of Object.keys(entry.dependencies ?? {})) visit(next, path, false);
      for (const next of Object.keys(entry.optionalDependencies ?? {})) visit(next, path, true);
    };
    for (const name of names) visit(name, "", false);
    return [...found.values()].toSorted((a, b) => (a.path < b.path ? -1 : 1));
  }

  /** What a package of the workspace asks for. */
  needsOf(workspace: string): readonly string[] {
    return Object.keys(this.#entries[workspace]?.dependencies ?? {});
  }

  /** As Node looks for it: beside the one that asks, then further up. */
  #resolve(name: string, from: string): string | undefined {
    for (let base = from; ;) {
      const path = `${base === "" ? "" : `${base}/`}${PLACE}${name}`;
      if (path in this.#entries) return path;
      if (base === "") return undefined;
      const up = base.lastIndexOf(`/${PLACE}`);
      base = up < 0 ? "" : base.slice(0, up);
    }
  }
}

/** `!win32` leaves one out; no word at all means every machine. */
function fits({ cpu, os, libc }: Entry, arch: Architecture): boolean {
  const has = (list: Entry["cpu"], is: string): boolean => {
    const all = [list ?? []].flat();
    const wanted = all.filter((word) => !word.startsWith("!"));
    return !all.includes(`!${is}`) && (wanted.length === 0 || wanted.includes(is));
  };
  return has(cpu, ARCHITECTURES[arch]) && has(os, "linux") && has(libc, "glibc");
}
