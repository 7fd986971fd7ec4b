/**
 * `npm run build`: the programs, for packages, images and machines with a Node of
 * their own. The same commit gives the same bytes, whenever and wherever.
 *
 *   npm run build                                    everything, for amd64 and arm64
 *   npm run build -- --arch arm64 --out DIR          one architecture, elsewhere
 *   npm run build -- --version 1.2.3 --sign KEY.pem  a release: its digests are signed with this ed25519 key
 *   npm run build -- --level 3                       fast, and a third larger
 */
import { cp, mkdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { join, relative } from "node:path";
import { parseArgs } from "node:util";

import { agentDeb } from "./agent-package.ts";
import { writeAgent } from "./agent-program.ts";
import { archiveBytes } from "./archive.ts";
import { bundleChunks, writeDoor } from "./bundle.ts";
import { commitEpoch } from "./commit-epoch.ts";
import { copyrightOf } from "./copyright.ts";
import { debBytes, type Making, ZSTD_BEST } from "./deb.ts";
import { extrasOf } from "./extras.ts";
import { type Architecture, ARCHITECTURES, LockFile } from "./lock-file.ts";
import { masterDeb } from "./master-package.ts";
import { writeMaster } from "./master-tree.ts";
import { ROOT } from "./root.ts";
import { writeRuntime } from "./runtime.ts";
import { inScratch } from "./scratch.ts";
import { readSums, writeSums } from "./sums.ts";

export interface Build {
  readonly archs: readonly Architecture[];
  readonly version: string;
  readonly making: Making;
  /** A private ed25519 key in PEM. */
  readonly sign?: string | undefined;
  readonly only?: readonly ("agent" | "master")[] | undefined;
}

/** Of this machine, in the order of Debian's names. */
export const HERE: Architecture = process.arch === "arm64" ? "arm64" : "amd64";

export async function versionHere(): Promise<string> {
  const { version } = JSON.parse(await readFile(join(ROOT, "package.json"), "utf8")) as { version: string };
  return version;
}

/** Both programs for this machine's own Node: what the bench measures, and what runs from `dist/`. */
export async function build(dir = join(ROOT, "dist"), version?: string): Promise<void> {
  await rm(dir, { recursive: true, force: true });
  await mkdir(dir, { recursive: true });
  const named = version ?? (await versionHere());
  await bundleChunks("agent", join(dir, "boma-agent"), named);
  await writeDoor(join(dir, "boma-agent.mjs"), "./boma-agent/main.mjs");
  await writeMaster({ arch: HERE, version: named, lock: new LockFile() }, join(dir, "boma-master"));
  await writeDoor(join(dir, "boma-master.mjs"), "./boma-master/packages/master/src/main.mjs");
  await cp(join(ROOT, "packages/master/src/audit/audit-verify.mjs"), join(dir, "audit-verify.mjs"));
}

/** The files of a release; gives their names. */
export async function buildRelease(dir: string, asked: Build): Promise<readonly string[]> {
  await mkdir(dir, { recursive: true });
  const lock = new LockFile();
  const names: string[] = [];
  const keep = async (name: string, bytes: Uint8Array | string, mode = 0o644): Promise<void> => {
    await writeFile(join(dir, name), bytes, { mode });
    names.push(name);
  };
  const { only = ["agent", "master"] } = asked;
  for (const arch of asked.archs) {
    if (only.includes("agent")) await buildAgent(arch, { lock, ...asked }, keep);
    if (only.includes("master")) await buildMaster(arch, { lock, ...asked }, keep);
  }
  await keep("install.sh", await readFile(join(ROOT, "installers/install.sh")), 0o755);
  await keep("audit-verify.mjs", await readFile(join(ROOT, "packages/master/src/audit/audit-verify.mjs")));
  names.push(...(await writeSums(dir, names, asked.sign)));
  return names;
}

type Keep = (name: string, bytes: Uint8Array, mode?: number) => Promise<void>;
type Parts = Build & { readonly lock: LockFile };

async function buildAgent(arch: Architecture, { lock, version, making }: Parts, keep: Keep): Promise<void> {
  await inScratch(async (scratch) => {
    const program = join(scratch, "boma-agent");
    await writeAgent({ arch, version, lock }, program);
    const bytes = await readFile(program);
    await keep(`boma-agent-${version}-linux-${arch}`, bytes, 0o755);
    const deb = await agentDeb(bytes, {
      arch,
      version,
      extras: [...(await extrasOf("agent", { version, ...making })), await copyrightOf("agent", arch, lock)],
    });
    await keep(`boma-agent_${version}_${arch}.deb`, await debBytes(deb, making));
    await keep(`boma-agent-${version}-linux-${arch}.tar.gz`, await archiveBytes(deb.files, making));
  });
}

async function buildMaster(arch: Architecture, { lock, version, making }: Parts, keep: Keep): Promise<void> {
  await inScratch(async (scratch) => {
    await writeMaster({ arch, version, lock }, scratch);
    await writeDoor(join(scratch, "boma-master.mjs"), "./packages/master/src/main.mjs");
    await writeRuntime(lock, arch, join(scratch, "bin/node"));
    const deb = await masterDeb(scratch, {
      arch,
      version,
      extras: [
        ...(await extrasOf("master", { version, ...making })),
        await copyrightOf("master", arch, lock),
      ],
    });
    await keep(`boma-master_${version}_${arch}.deb`, await debBytes(deb, making));
    await keep(`boma-master-${version}-linux-${arch}.tar.gz`, await archiveBytes(deb.files, making));
  });
}

const isArchitecture = (text: string): text is Architecture => Object.hasOwn(ARCHITECTURES, text);

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      arch: { type: "string", multiple: true },
      out: { type: "string" },
      version: { type: "string" },
      sign: { type: "string" },
      level: { type: "string" },
    },
  });
  const archs = values.arch ?? Object.keys(ARCHITECTURES);
  if (!archs.every(isArchitecture)) throw new Error(`--arch is ${Object.keys(ARCHITECTURES).join(" or ")}`);
  const dir = values.out ?? join(ROOT, "dist");
  const version = values.version ?? (await versionHere());
  await build(dir, version);
  const making = { epochSeconds: await commitEpoch(), level: Number(values.level ?? ZSTD_BEST) };
  await buildRelease(dir, { archs, version, making, sign: values.sign });
  for (const [digest, name] of await readSums(dir)) {
    const { size } = await stat(join(dir, name));
    const path = relative(process.cwd(), join(dir, name));
    console.log(`${digest.slice(0, 16)}  ${(size / 1e6).toFixed(1).padStart(6)} MB  ${path}`);
  }
}

if (import.meta.main) await main();
