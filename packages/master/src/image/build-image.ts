/**
 * An image from nothing: packages, a root, a live node of it, the root packed, the
 * first stage around it, and a manifest that the release key signs. The image that
 * was there before stays until the new one is whole.
 */
import { createHash } from "node:crypto";
import {
  chmod,
  mkdir,
  mkdtemp,
  open,
  readdir,
  readFile,
  rename,
  rm,
  stat,
  writeFile,
} from "node:fs/promises";
import { join } from "node:path";

import {
  type ImageArch,
  type ImageFile,
  type ImageManifest,
  parseToken,
  signImage,
  type SigningKey,
} from "@boma/protocol";

import { readAgentPackage } from "./agent-package.ts";
import { type Archive, type FetchedPackage, fetchKernel, fetchPackages, updateLists } from "./apt-archive.ts";
import { diskPackages, diskSystem } from "./disk-system.ts";
import { depmod, type Kernel, unpackKernel } from "./kernel.ts";
import { type LiveNode, makeLive } from "./live-node.ts";
import { assertPrograms, program } from "./program.ts";
import { BASE_PACKAGES, buildRoot } from "./root-tree.ts";
import { stageOne } from "./stage-one.ts";

export const IMAGE_FILES = { kernel: "kernel", initrd: "initrd", manifest: "manifest" } as const;

export interface ImageOptions {
  readonly name: string;
  readonly arch: ImageArch;
  /** Where images are: this one goes below its name. */
  readonly dir: string;
  /** Where apt keeps what it fetched. */
  readonly cache: string;
  /** A file of apt's. */
  readonly sources: string;
  readonly kernel: string;
  /** It carries what a system on a disk needs, and can put itself on one. */
  readonly install: boolean;
  /** Further packages for the root. */
  readonly packages: readonly string[];
  /** The .deb of the agent. */
  readonly agent: string;
  readonly live: Omit<LiveNode, "sources">;
  readonly release: SigningKey;
  /** How hard the root is packed, 1 to 22. */
  readonly level: number;
  readonly onStep: (step: string) => void;
}

export async function buildImage(options: ImageOptions): Promise<ImageManifest> {
  const { arch, cache, dir, name, onStep, sources } = options;
  const archive: Archive = { arch, dir: join(cache, arch), sources };
  await assertPrograms();
  const agent = await readAgentPackage(options.agent, arch);
  onStep("fetching packages");
  await updateLists(archive);
  const onDisk = options.install ? diskPackages(arch, options.kernel) : [];
  const fetched = await fetchPackages(archive, [...BASE_PACKAGES, ...onDisk, ...options.packages]);
  const kernel = options.install ? undefined : await fetchKernel(archive, options.kernel);
  await mkdir(dir, { recursive: true, mode: 0o755 });
  const work = await mkdtemp(join(dir, `.${name}-`));
  try {
    const manifest = await assemble(options, { work, packages: [...fetched, agent], kernel });
    await putInPlace(work, join(dir, name));
    return manifest;
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

interface Assembly {
  readonly work: string;
  /** The agent's own comes last: apt has not heard of it, and what it needs is there. */
  readonly packages: readonly FetchedPackage[];
  /** Of a live node alone; a system on a disk has its kernel among its packages. */
  readonly kernel: FetchedPackage | undefined;
}

async function assemble(options: ImageOptions, { work, packages, kernel }: Assembly): Promise<ImageManifest> {
  const { live, onStep, release } = options;
  const root = join(work, "root");
  onStep(`unpacking ${packages.length} packages`);
  await mkdir(root, { mode: 0o755 });
  await buildRoot(root, packages);
  const { version, file } = await kernelOf(root, kernel);
  const seconds = await newest(root);
  await makeLive(root, { ...live, sources: await readFile(options.sources, "utf8") });
  onStep("packing the root");
  const squashfs = await pack(root, join(work, "root.squashfs"), { seconds, level: options.level });
  const out = join(work, "out");
  await mkdir(out, { mode: 0o755 });
  const parts = await stageOne({ root, kernelVersion: version, squashfs, seconds });
  const files = {
    kernel: await write(join(out, IMAGE_FILES.kernel), [await readFile(file)]),
    initrd: await write(join(out, IMAGE_FILES.initrd), parts),
  };
  const manifest: ImageManifest = {
    name: options.name,
    arch: options.arch,
    root: parseToken(live.join).kit!.root,
    files,
    rootBytes: squashfs.length,
    kernelVersion: version,
    agentVersion: packages.at(-1)!.version,
    ...(options.install && { install: true as const }),
    ...(live.profile !== undefined && { profile: live.profile }),
    packages: [...packages, ...(kernel ? [kernel] : [])].map((one) => ({
      name: one.name,
      version: one.version,
      digest: one.digest,
    })),
  };
  await writeFile(join(out, IMAGE_FILES.manifest), signImage(manifest, release));
  return manifest;
}

async function kernelOf(root: string, kernel: FetchedPackage | undefined): Promise<Kernel> {
  if (kernel) return unpackKernel(root, kernel);
  const own = await diskSystem(root);
  await depmod(root, own.version);
  return own;
}

/** All of root's, all of one time: who built it and when is not in it. */
async function pack(
  root: string,
  to: string,
  { seconds, level }: { readonly seconds: number; readonly level: number },
): Promise<Uint8Array> {
  const times = ["-all-time", String(seconds), "-mkfs-time", String(seconds)];
  const how = ["-comp", "zstd", "-Xcompression-level", String(level), "-b", "1M"];
  const quiet = ["-noappend", "-no-progress", "-quiet", "-no-xattrs", "-all-root"];
  await program(["mksquashfs", root, to, ...how, ...quiet, ...times]);
  return readFile(to);
}

/** The newest time among what the packages brought: no machine of this image can truly be earlier. */
async function newest(root: string): Promise<number> {
  let seconds = 0;
  for (const entry of await readdir(join(root, "usr/bin"), { withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const { mtimeMs } = await stat(join(root, "usr/bin", entry.name));
    seconds = Math.max(seconds, Math.floor(mtimeMs / 1000));
  }
  return seconds;
}

async function write(path: string, parts: readonly Uint8Array[]): Promise<ImageFile> {
  const hash = createHash("sha256");
  let bytes = 0;
  await using file = await open(path, "w", 0o644);
  for (const part of parts) {
    await file.writeFile(part);
    hash.update(part);
    bytes += part.length;
  }
  await file.sync();
  await chmod(path, 0o644);
  return { digest: hash.digest("hex"), bytes };
}

/** Two renames: a boot service that reads between them finds no image, and looks again. */
async function putInPlace(work: string, to: string): Promise<void> {
  const before = join(work, "before");
  await rename(to, before).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== "ENOENT") throw error;
  });
  await rename(join(work, "out"), to);
}
