/** Packages for hosts: versions that work, and some that do not. Hosts see them below the checkout. */
import { createHash } from "node:crypto";
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";

import { agentDeb } from "../../installers/agent-package.ts";
import { sealAgent, writeAgent } from "../../installers/agent-program.ts";
import { HERE } from "../../installers/build.ts";
import { bundleWhole, writeDoor } from "../../installers/bundle.ts";
import { debBytes } from "../../installers/deb.ts";
import { type Architecture, LockFile } from "../../installers/lock-file.ts";
import { masterDeb } from "../../installers/master-package.ts";
import { writeMaster } from "../../installers/master-tree.ts";
import { writeRuntime } from "../../installers/runtime.ts";
import { REPOSITORY } from "./host.ts";
import { mustRun } from "./hosts/program.ts";

/** The checkout is what hosts share with this machine. */
export const PACKAGES = join(REPOSITORY, "node_modules/.cache/boma-packages");
const MAKING = { epochSeconds: 1_000_000_000, level: 1 };

export interface AgentBuild {
  readonly dir: string;
  /** Of a version of `GOOD`, to install by hand. */
  readonly good: (version: Good) => string;
  /** 4.0.0 alone lies in an archive as well: the line for apt's sources. */
  readonly source: string;
  /** 5.0.0: it ends at once. */
  readonly broken: string;
  /** 6.0.0: it is one of a future that the master does not understand. */
  readonly foreign: string;
}

const GOOD = ["1.0.0", "2.0.0", "3.0.0", "4.0.0", "7.0.0"] as const;
export type Good = (typeof GOOD)[number];

export async function buildAgents(): Promise<AgentBuild> {
  await mkdir(PACKAGES, { recursive: true });
  const dir = await mkdtemp(join(PACKAGES, "agents-"));
  const lock = new LockFile();
  const pack = (version: string, program: Uint8Array) => packAgent(dir, { arch: HERE, version, program });
  const built = new Map<Good, string>();
  for (const version of GOOD) built.set(version, await agentPackage(dir, { arch: HERE, version, lock }));
  const offered = built.get("4.0.0")!;
  await writeFile(join(dir, "Packages"), await listed(offered));
  return {
    dir,
    good: (version) => built.get(version)!,
    source: `deb [trusted=yes] file:${dir} ./\n`,
    broken: await pack("5.0.0", Buffer.from("#!/bin/sh\nexit 1\n")),
    foreign: await pack("6.0.0", await foreignAgent(dir, "6.0.0", lock)),
  };
}

interface Made {
  readonly arch: Architecture;
  readonly version: string;
}

async function packAgent(
  dir: string,
  { arch, version, program }: Made & { readonly program: Uint8Array },
): Promise<string> {
  const path = join(dir, `boma-agent_${version}_${arch}.deb`);
  await writeFile(path, await debBytes(await agentDeb(program, { arch, version, extras: [] }), MAKING));
  return path;
}

/** The package of an agent that works. */
export async function agentPackage(
  dir: string,
  { arch, version, lock = new LockFile() }: Made & { readonly lock?: LockFile },
): Promise<string> {
  const file = join(dir, `agent-${version}-${arch}`);
  await writeAgent({ arch, version, lock }, file);
  const program = await readFile(file);
  await rm(file);
  return packAgent(dir, { arch, version, program });
}

async function foreignAgent(dir: string, version: string, lock: LockFile): Promise<Uint8Array> {
  const [bundle, file] = [join(dir, "foreign.mjs"), join(dir, "foreign")];
  await bundleWhole("agent", bundle, version);
  await writeFile(bundle, speakingAnother(await readFile(bundle, "utf8")));
  await sealAgent(bundle, { arch: HERE, lock }, file);
  const program = await readFile(file);
  await Promise.all([rm(bundle), rm(file)]);
  return program;
}

/** Its envelopes have a version that no master of today opens. */
function speakingAnother(code: string): string {
  const head = /Buffer\.from\(\[(1|ENVELOPE_VERSION),/;
  if (!head.test(code))
    throw new Error("the bundle writes its envelopes in another way: look at this pattern");
  return code.replace(head, "Buffer.from([2,");
}

/** What an archive says of its one package. */
async function listed(path: string): Promise<string> {
  const control = await mustRun(["dpkg-deb", "--field", path], {});
  const bytes = await readFile(path);
  const sum = createHash("sha256").update(bytes).digest("hex");
  return `${control.trimEnd()}\nFilename: ./${basename(path)}\nSize: ${bytes.length}\nSHA256: ${sum}\n`;
}

export interface MasterBuild {
  readonly dir: string;
  readonly one: string;
  readonly two: string;
  /** Debian's own. */
  readonly nats: string;
}

export async function buildMasters(): Promise<MasterBuild> {
  await mkdir(PACKAGES, { recursive: true });
  const dir = await mkdtemp(join(PACKAGES, "masters-"));
  const lock = new LockFile();
  const pack = async (version: string): Promise<string> => {
    const tree = join(dir, `tree-${version}`);
    await writeMaster({ arch: HERE, version, lock }, tree);
    await writeDoor(join(tree, "boma-master.mjs"), "./packages/master/src/main.mjs");
    await writeRuntime(lock, HERE, join(tree, "bin/node"));
    const deb = await masterDeb(tree, { arch: HERE, version, extras: [] });
    await rm(tree, { recursive: true });
    const path = join(dir, `boma-master_${version}_${HERE}.deb`);
    await writeFile(path, await debBytes(deb, MAKING));
    return path;
  };
  const [one, two] = [await pack("1.0.0"), await pack("2.0.0")];
  // As another user apt could not write here.
  await mustRun(
    ["sh", "-c", 'cd "$1" && apt-get -o APT::Sandbox::User=root download nats-server', "sh", dir],
    { timeoutMs: 120_000 },
  );
  const nats = (await readdir(dir)).find((name) => name.startsWith("nats-server_"));
  if (nats === undefined) throw new Error("apt-get has no nats-server");
  return { dir, one, two, nats: join(dir, nats) };
}
