/**
 * The root file system that all hosts look through: built once, then only read.
 * Whoever comes while it is built waits; a build that was killed leaves a folder
 * that the next one removes.
 */
import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { existsSync, readFileSync, statSync } from "node:fs";
import { chmod, mkdir, mkdtemp, readdir, rename, rm, symlink, utimes, writeFile } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";

import { keepWithUs, mustRun } from "./program.ts";
import { MASKED, OFFERED, PACKAGES, readRecipe, type Recipe, REPOSITORY } from "./recipe.ts";

const BUILD_MS_MAX = 8 * 60_000;
const UNUSED_MS_MAX = 14 * 24 * 3_600_000;

function cacheDir(): string {
  const named = process.env["XDG_CACHE_HOME"];
  if (named) return join(named, "boma-tests");
  return process.getuid?.() === 0 ? "/var/cache/boma-tests" : join(homedir(), ".cache/boma-tests");
}

/** A lock that the kernel takes back when we are gone. */
async function lock(file: string): Promise<AsyncDisposable> {
  const holder = spawn("flock", ["--exclusive", file, "cat"], { stdio: ["pipe", "pipe", "inherit"] });
  keepWithUs(holder);
  const failed = once(holder, "close").then(() => {
    throw new Error(`flock cannot lock ${file}`);
  });
  failed.catch(() => undefined);
  holder.stdin.write("locked\n");
  await Promise.race([once(holder.stdout, "data"), failed]);
  return {
    async [Symbol.asyncDispose]() {
      const closed = once(holder, "close");
      holder.stdin.end();
      await closed;
    },
  };
}

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

/** What nobody has used for weeks, and what builders that are gone have left. */
async function tidy(cache: string): Promise<void> {
  for (const name of await readdir(cache)) {
    const path = join(cache, name);
    const old = Date.now() - statSync(path).mtimeMs > UNUSED_MS_MAX;
    if (name.startsWith("building-") || (name.startsWith("rootfs-") && old))
      await rm(path, { recursive: true, force: true });
  }
}

/** The path of the root file system, which is built if there is none. */
export async function ensureRootfs(): Promise<string> {
  const recipe = readRecipe();
  const cache = cacheDir();
  const finished = join(cache, `rootfs-${recipe.digest}`);
  if (!existsSync(finished)) {
    await mkdir(cache, { recursive: true });
    await using _ = await lock(join(cache, "lock"));
    if (!existsSync(finished)) {
      await tidy(cache);
      const dir = await mkdtemp(join(cache, "building-"));
      await chmod(dir, 0o755);
      await furnish(await bootstrap(recipe, dir));
      await rename(dir, finished);
    }
  }
  const now = new Date();
  await utimes(finished, now, now);
  return join(finished, "root");
}
