/**
 * What vitest calls before the first test: builds what the tests start, once for each state of the sources.
 */
import { createHash } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { glob, mkdir, readdir, rename, rm, stat, utimes } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

import { rolldown } from "rolldown";

import { build } from "../../installers/build.ts";
import { inputs } from "../../installers/bundle.ts";
import { PROGRAMS } from "./programs.ts";

const REPOSITORY = fileURLToPath(new URL("../..", import.meta.url));
/** In the repository, where the machines of a test see it as well; not in node_modules, where Node runs no TypeScript. */
const BUILDS = join(REPOSITORY, ".programs");
/** What the machines of a test run by the hundred. */
const CONVERGE = "test/hosts/converge.ts";
const UNUSED_MS_MAX = 6 * 3_600_000;

async function digestOfSources(): Promise<string> {
  const digest = createHash("sha256");
  const files = await Array.fromAsync(
    glob(
      [
        "packages/*/src/**/*.{ts,mjs}",
        "packages/*/package.json",
        "installers/*.ts",
        "package-lock.json",
        CONVERGE,
      ],
      {
        cwd: REPOSITORY,
      },
    ),
  );
  for (const file of files.filter((name) => !name.endsWith(".test.ts")).toSorted())
    digest
      .update(`${file}\0`)
      .update(readFileSync(join(REPOSITORY, file)))
      .update("\0");
  return digest.digest("hex").slice(0, 16);
}

async function ensureBuilt(): Promise<string> {
  const dir = join(BUILDS, await digestOfSources());
  if (existsSync(dir)) {
    await utimes(dir, new Date(), new Date());
    return dir;
  }
  await mkdir(BUILDS, { recursive: true });
  const own = join(BUILDS, `building-${process.pid}`);
  await build(own);
  await bundleConverge(join(own, "converge"));
  // Another run may have been quicker with the same.
  await rename(own, dir).catch(() => rm(own, { recursive: true }));
  return dir;
}

async function bundleConverge(dir: string): Promise<void> {
  const bundled = await rolldown(inputs(join(REPOSITORY, CONVERGE), "0"));
  await bundled.write({ dir, format: "esm", entryFileNames: "converge.mjs" });
  await bundled.close();
}

async function removeOld(): Promise<void> {
  for (const name of await readdir(BUILDS)) {
    const path = join(BUILDS, name);
    if (Date.now() - (await stat(path)).mtimeMs > UNUSED_MS_MAX)
      await rm(path, { recursive: true, force: true });
  }
}

/** The workers inherit the environment. */
export default async function setup(): Promise<void> {
  process.env[PROGRAMS] = await ensureBuilt();
  await removeOld();
}
