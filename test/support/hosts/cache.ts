/**
 * What takes minutes to build and is then only read: kept outside the repository,
 * under a name that changes with what it is made from. Whoever comes while it is
 * built waits; a build that was killed leaves a folder that the next one removes.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, statSync } from "node:fs";
import { chmod, mkdir, mkdtemp, readdir, rename, rm, utimes } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";

import { keepWithUs } from "./program.ts";

const UNUSED_MS_MAX = 14 * 24 * 3_600_000;
const BUILDING = "building-";

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

/** What nobody has used for weeks, and what builders that are gone have left. */
async function tidy(cache: string, kind: string): Promise<void> {
  for (const name of await readdir(cache)) {
    const path = join(cache, name);
    const old = Date.now() - statSync(path).mtimeMs > UNUSED_MS_MAX;
    if (name.startsWith(`${BUILDING}${kind}-`) || (name.startsWith(`${kind}-`) && old))
      await rm(path, { recursive: true, force: true });
  }
}

/** The folder `KIND-DIGEST`, which `build` fills if there is none. */
export async function ensureBuilt(
  kind: string,
  digest: string,
  build: (dir: string) => Promise<void>,
): Promise<string> {
  const cache = cacheDir();
  const finished = join(cache, `${kind}-${digest}`);
  if (!existsSync(finished)) {
    await mkdir(cache, { recursive: true });
    // Each kind has a lock of its own: one may be built out of another.
    await using _ = await lock(join(cache, kind === "rootfs" ? "lock" : `lock-${kind}`));
    if (!existsSync(finished)) {
      await tidy(cache, kind);
      const dir = await mkdtemp(join(cache, `${BUILDING}${kind}-`));
      await chmod(dir, 0o755);
      await build(dir);
      await rename(dir, finished);
    }
  }
  const now = new Date();
  await utimes(finished, now, now);
  return finished;
}
