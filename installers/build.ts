/**
 * `npm run build`: both programs in `dist/`, each for any Node that is new enough,
 * and the verifier of audit bundles. The same sources give the same bytes.
 */
import { cp, mkdir, readFile, rm } from "node:fs/promises";
import { join } from "node:path";

import { bundleChunks, writeDoor } from "./bundle.ts";
import { type Architecture, LockFile } from "./lock-file.ts";
import { writeMaster } from "./master-tree.ts";
import { ROOT } from "./root.ts";

/** Of this machine, in the order of Debian's names. */
const HERE: Architecture = process.arch === "arm64" ? "arm64" : "amd64";

async function versionHere(): Promise<string> {
  const { version } = JSON.parse(await readFile(join(ROOT, "package.json"), "utf8")) as { version: string };
  return version;
}

export async function build(dir = join(ROOT, "dist")): Promise<void> {
  await rm(dir, { recursive: true, force: true });
  await mkdir(dir, { recursive: true });
  const version = await versionHere();
  await bundleChunks("agent", join(dir, "boma-agent"), version);
  await writeDoor(join(dir, "boma-agent.mjs"), "./boma-agent/main.mjs");
  await writeMaster({ arch: HERE, version, lock: new LockFile() }, join(dir, "boma-master"));
  await writeDoor(join(dir, "boma-master.mjs"), "./boma-master/packages/master/src/main.mjs");
  await cp(join(ROOT, "packages/master/src/audit/audit-verify.mjs"), join(dir, "audit-verify.mjs"));
}

if (import.meta.main) await build();
