/**
 * The master as a directory that runs anywhere. Its command line is a bundle that
 * lies where its sources would; around it lies what must be files: the processes
 * that evaluate a site, what a site imports with its types, the type checker and
 * the bundler. So whatever the sources find by path or name is found here too.
 */
import { existsSync } from "node:fs";
import { copyFile, cp, mkdir, readdir, symlink } from "node:fs/promises";
import { dirname, join, relative } from "node:path";

import { rolldown } from "rolldown";

import { bundleChunks, inputs } from "./bundle.ts";
import type { Architecture, LockFile } from "./lock-file.ts";
import { packageDir } from "./npm-package.ts";
import { ROOT } from "./root.ts";

/** What a site's code gets, whole: with its types. */
const FOR_SITES = ["packages/protocol", "packages/states"] as const;
/** Beside what those ask for. */
const TOOLS = ["zod", "eta", "yaml", "rolldown", "typescript", "@types/node"] as const;
const CHILDREN = ["site/compiler-child.ts", "reactors/reactor-child.ts"] as const;
const MASTER = "packages/master";
const AS_FILES = ["src/audit/audit-verify.mjs", "package.json"] as const;

export interface MasterTree {
  readonly arch: Architecture;
  readonly version: string;
  readonly lock: LockFile;
}

export async function writeMaster({ arch, version, lock }: MasterTree, dir: string): Promise<void> {
  await bundleChunks("master", join(dir, MASTER, "src"), version);
  for (const name of AS_FILES) await place(join(MASTER, name), dir);
  for (const workspace of FOR_SITES) {
    for (const file of await sourcesIn(workspace)) await place(file, dir);
    const link = join(dir, "node_modules/@boma", workspace.slice("packages/".length));
    await mkdir(dirname(link), { recursive: true });
    await symlink(relative(dirname(link), join(dir, workspace)), link);
  }
  const wanted = [...TOOLS, ...FOR_SITES.flatMap((workspace) => lock.needsOf(workspace))];
  const packages = lock.closure(
    wanted.filter((name) => !name.startsWith("@boma/")),
    arch,
  );
  for (const locked of packages)
    await cp(await packageDir(locked), join(dir, locked.path), {
      recursive: true,
      dereference: true,
      filter: isWorthIts,
    });
  await placeChildren(
    version,
    packages.map(({ path }) => path),
    dir,
  );
}

/** Maps and a package's own sources help whoever works on it, and the runtime is one for glibc. */
const isWorthIts = (path: string): boolean =>
  !path.endsWith(".map") && !path.endsWith("/zod/src") && !path.endsWith(".musl.node");

async function place(file: string, dir: string): Promise<void> {
  const to = join(dir, file);
  await mkdir(dirname(to), { recursive: true });
  await copyFile(join(ROOT, file), to);
}

async function sourcesIn(workspace: string): Promise<readonly string[]> {
  const files = await readdir(join(ROOT, workspace, "src"), { recursive: true, withFileTypes: true });
  const sources = files
    .filter((file) => file.isFile() && !file.name.endsWith(".test.ts"))
    .map((file) => relative(ROOT, join(file.parentPath, file.name)));
  return [join(workspace, "package.json"), ...sources.toSorted()];
}

/** The files that the processes of a site really load: the bundler follows their imports as Node will. */
async function placeChildren(version: string, packages: readonly string[], dir: string): Promise<void> {
  const children = CHILDREN.map((name) => join(ROOT, MASTER, "src", name));
  const bundled = await rolldown({ ...inputs(children, version), treeshake: false });
  const { output } = await bundled.generate({ format: "esm" });
  await bundled.close();
  const loaded = output.flatMap((part) => (part.type === "chunk" ? part.moduleIds : []));
  for (const id of loaded.toSorted()) {
    const file = relative(ROOT, id);
    if (file.startsWith(`${MASTER}/`)) await place(file, dir);
    else if (file.startsWith("node_modules/") && !packages.some((path) => file.startsWith(`${path}/`)))
      throw new Error(`a site's process loads ${file}, which is not in the master's tree`);
    else if (/^(packages|node_modules)\//.test(file) && !existsSync(join(dir, file)))
      throw new Error(`a site's process loads ${file}, which is missing in the master's tree`);
  }
}
