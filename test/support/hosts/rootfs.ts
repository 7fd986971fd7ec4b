/** The root file system that all hosts look through. */
import { createHash } from "node:crypto";
import { readFileSync, statSync } from "node:fs";
import { mkdir, readdir, rm, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";

import { ensureBuilt } from "./cache.ts";
import { mustRun } from "./program.ts";
import { MASKED, OFFERED, PACKAGES, readRecipe, type Recipe, REPOSITORY } from "./recipe.ts";

const BUILD_MS_MAX = 8 * 60_000;
/** One entry of a repository's index for each package file in a folder. */
export async function packagesIndex(dir: string): Promise<string> {
  const files = (await readdir(dir)).filter((name) => name.endsWith(".deb")).toSorted();
  const entries: string[] = [];
  for (const name of files) {
    const path = join(dir, name);
    const control = await mustRun(["dpkg-deb", "--field", path]);
    const digest = createHash("sha256").update(readFileSync(path)).digest("hex");
    entries.push(
      `${control.trimEnd()}\nFilename: ./${name}\nSize: ${statSync(path).size}\nSHA256: ${digest}\n`,
    );
  }
  return entries.join("\n");
}

async function bootstrap(recipe: Recipe, dir: string): Promise<string> {
  const root = join(dir, "root");
  const sources = join(dir, "debian.sources");
  await writeFile(sources, recipe.sources);
  const fetch = [
    `mkdir -p "$1${REPOSITORY}/partial"`,
    `chroot "$1" apt-get --yes --download-only -o Dir::Cache::archives=${REPOSITORY} install ${OFFERED.join(" ")}`,
  ].join(" && ");
  const argv = [
    "mmdebstrap",
    "--quiet",
    "--mode=root",
    "--variant=minbase",
    "--format=directory",
    `--include=${PACKAGES.join(",")}`,
    "--dpkgopt=force-unsafe-io",
    `--customize-hook=${fetch}`,
    recipe.codename,
    root,
    sources,
  ];
  await mustRun(argv, { timeoutMs: BUILD_MS_MAX, env: { DEBIAN_FRONTEND: "noninteractive" } });
  return root;
}

async function furnish(root: string): Promise<void> {
  const repository = join(root, REPOSITORY);
  await rm(join(repository, "partial"), { recursive: true, force: true });
  await rm(join(repository, "lock"), { force: true });
  await writeFile(join(repository, "Packages"), await packagesIndex(repository));
  const apt = join(root, "etc/apt");
  await rm(join(apt, "sources.list"), { force: true });
  await rm(join(apt, "sources.list.d"), { recursive: true, force: true });
  await mkdir(join(apt, "sources.list.d"));
  await writeFile(
    join(apt, "sources.list.d/packages.sources"),
    `Types: deb\nURIs: file:${REPOSITORY}\nSuites: ./\nTrusted: yes\n`,
  );
  // An unreachable resolver costs everyone who asks it a time-out.
  for (const name of ["resolv.conf", "machine-id", "hostname"]) {
    await rm(join(root, "etc", name), { force: true });
    await writeFile(join(root, "etc", name), "");
  }
  const units = join(root, "etc/systemd/system");
  for (const unit of MASKED) {
    await rm(join(units, unit), { force: true });
    await symlink("/dev/null", join(units, unit));
  }
}

/** The path of the root file system, which is built if there is none. */
export async function ensureRootfs(): Promise<string> {
  const recipe = readRecipe();
  const built = await ensureBuilt("rootfs", recipe.digest, async (dir) =>
    furnish(await bootstrap(recipe, dir)),
  );
  return join(built, "root");
}
