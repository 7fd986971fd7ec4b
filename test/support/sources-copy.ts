/**
 * The sources as they are at one moment, in a directory of their own: others may go
 * on with theirs. It can be moved, as another checkout lies elsewhere.
 */
import { cp, mkdir, mkdtemp, readdir, rm } from "node:fs/promises";
import { join } from "node:path";

import { ROOT } from "../../installers/root.ts";
import { mustRun } from "./hosts/program.ts";

/** Not in node_modules, where Node runs no TypeScript; swept with the programs when a run was killed. */
const COPIES = join(ROOT, ".programs");
const SOURCES = ["packages", "installers", "package.json", "package-lock.json"];

export async function copySources(): Promise<string> {
  await mkdir(COPIES, { recursive: true });
  const dir = await mkdtemp(join(COPIES, "sources-"));
  try {
    for (const name of SOURCES) await cp(join(ROOT, name), join(dir, name), { recursive: true });
    // A gigabyte that nobody changes, by links; those of the workspace lead into the copy.
    const installed = await readdir(join(ROOT, "node_modules"));
    const parts = installed
      .filter((name) => name !== ".cache")
      .map((name) => join(ROOT, "node_modules", name));
    await mkdir(join(dir, "node_modules"));
    await mustRun(["cp", "--archive", "--link", ...parts, join(dir, "node_modules")], { timeoutMs: 300_000 });
    return dir;
  } catch (thrown) {
    await rm(dir, { recursive: true, force: true });
    throw thrown;
  }
}
