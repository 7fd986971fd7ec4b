/**
 * The files of one package of the lock file. What `npm ci` installed is taken as it
 * lies; what is for the other architecture is fetched once, by npm, into a cache
 * outside of the checkout, and counts only with the digest of the lock file.
 */
import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readdir, readFile, rename, rm } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";

import type { Locked } from "./lock-file.ts";
import { ROOT } from "./root.ts";

const run = promisify(execFile);

/** Everything that a build may use again. */
export const CACHE =
  process.env["BOMA_BUILD_CACHE"] ??
  (process.getuid?.() === 0 ? "/var/cache/boma-build" : join(homedir(), ".cache/boma-build"));

/** The directory that holds its files. */
export async function packageDir(locked: Locked): Promise<string> {
  const installed = join(ROOT, locked.path);
  return existsSync(join(installed, "package.json")) ? installed : fetched(locked);
}

async function fetched(locked: Locked): Promise<string> {
  const { name, version, integrity } = locked;
  const label = `${name.replaceAll("/", "-").replace("@", "")}-${version}`;
  const digest = createHash("sha256").update(integrity).digest("hex").slice(0, 12);
  const kept = join(CACHE, `${label}-${digest}`);
  if (existsSync(kept)) return join(kept, "package");
  await mkdir(CACHE, { recursive: true, mode: 0o700 });
  const draft = await mkdtemp(join(CACHE, "draft-"));
  try {
    console.log(`fetching ${name} ${version}`);
    await run("npm", ["pack", `${name}@${version}`, "--pack-destination", draft, "--silent"], { cwd: draft });
    const [archive] = (await readdir(draft)).filter((file) => file.endsWith(".tgz"));
    if (archive === undefined) throw new Error(`npm pack ${name}@${version} gave no archive`);
    assertIntegrity(await readFile(join(draft, archive)), locked);
    await run("tar", ["-xzf", join(draft, archive), "-C", draft]);
    await rm(join(draft, archive));
    // Another build may have been faster: then its files are the same.
    await rename(draft, kept).catch((thrown: unknown) => {
      if (!existsSync(kept)) throw thrown;
    });
    return join(kept, "package");
  } finally {
    await rm(draft, { recursive: true, force: true });
  }
}

export function assertIntegrity(bytes: Uint8Array, { name, version, integrity }: Locked): void {
  const is = `sha512-${createHash("sha512").update(bytes).digest("base64")}`;
  if (integrity.split(" ").includes(is)) return;
  throw new Error(
    `${name} ${version} is not what the lock file names: it has ${is}, and ${integrity} was expected`,
  );
}
