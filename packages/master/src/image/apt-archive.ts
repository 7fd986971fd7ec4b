/**
 * Packages for an image: resolved, fetched and verified by apt, in a directory of
 * its own. To this apt nothing is installed, so it names all that a root needs, for
 * whichever architecture, and the machine that builds is neither asked nor touched.
 */
import { createHash } from "node:crypto";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";

import { BomaError, type ImageArch } from "@boma/protocol";

import { program } from "./program.ts";

export interface FetchedPackage {
  readonly name: string;
  readonly version: string;
  readonly digest: string;
  /** The .deb. */
  readonly file: string;
}

export interface Archive {
  readonly arch: ImageArch;
  /** Where lists and packages are kept between builds. */
  readonly dir: string;
  /** A file of apt's, one-line or deb822: where packages come from, and whose signatures count. */
  readonly sources: string;
}

export async function updateLists(archive: Archive): Promise<void> {
  const { dir } = archive;
  for (const sub of ["lists/partial", "archives/partial"]) await mkdir(join(dir, sub), { recursive: true });
  await writeFile(join(dir, "status"), "");
  await writeFile(join(dir, "apt.conf"), aptConf(archive));
  await apt(archive, ["apt-get", "update"]);
}

/** The packages and all that they need, in apt's order; recommended ones are not needed. */
export async function fetchPackages(
  archive: Archive,
  wanted: readonly string[],
): Promise<readonly FetchedPackage[]> {
  const install = ["apt-get", "--yes", "install", ...wanted];
  const chosen = parseChosen(await apt(archive, [...install, "--simulate"]));
  await apt(archive, [...install, "--download-only"]);
  const digests = await digestsOf(archive, chosen);
  return Promise.all(chosen.map((one) => verified(archive, one, digests)));
}

/** A kernel's own package, without what would install it on a running machine. */
export async function fetchKernel(archive: Archive, wanted: string): Promise<FetchedPackage> {
  const all = await fetchPackages(archive, [wanted]);
  const kernel = all.find(({ name }) => /^linux-image-\d/.test(name));
  if (kernel) return kernel;
  throw new BomaError("image/build", `the package ${wanted} brings no kernel`, {
    hint: "Name one such as linux-image-amd64, linux-image-cloud-amd64 or linux-image-arm64.",
  });
}

interface Chosen {
  readonly name: string;
  readonly version: string;
  readonly arch: string;
}

/** `Inst libc6 (2.36-9 Debian:12.11/stable [amd64])`; in what stands in brackets before, a package that is replaced. */
function parseChosen(text: string): readonly Chosen[] {
  return [...text.matchAll(/^Inst ([a-z0-9][a-z0-9+.-]*)(?::\w+)? \((\S+) .*\[(\w+)\]\)/gm)].map(
    ([, name, version, arch]) => ({ name: name!, version: version!, arch: arch! }),
  );
}

/** What the signed lists say that each package is. apt compares only sizes of what lies in its directory already. */
async function digestsOf(archive: Archive, chosen: readonly Chosen[]): Promise<ReadonlyMap<string, string>> {
  const names = chosen.map(({ name, version }) => `${name}=${version}`);
  const text = await apt(archive, ["apt-cache", "show", ...names]);
  const found = new Map<string, string>();
  for (const stanza of text.split("\n\n")) {
    const field = (key: string) => new RegExp(`^${key}: (\\S+)`, "m").exec(stanza)?.[1];
    const digest = field("SHA256");
    if (digest !== undefined) found.set(`${field("Package")}=${field("Version")}`, digest);
  }
  return found;
}

async function verified(
  { dir }: Archive,
  { name, version, arch }: Chosen,
  digests: ReadonlyMap<string, string>,
): Promise<FetchedPackage> {
  const file = join(dir, "archives", `${name}_${version.replaceAll(":", "%3a")}_${arch}.deb`);
  const digest = createHash("sha256")
    .update(await readFile(file))
    .digest("hex");
  if (digest !== digests.get(`${name}=${version}`))
    throw new BomaError("image/build", `${file} is not the package that the signed lists name`, {
      hint: "Remove the file and build again: it was altered after it was fetched.",
    });
  return { name, version, digest, file };
}

const apt = (archive: Archive, argv: readonly string[]): Promise<string> =>
  program(argv, { env: { APT_CONFIG: join(archive.dir, "apt.conf"), DEBIAN_FRONTEND: "noninteractive" } });

/** Everything that apt reads or writes is named here; `#clear` takes away what the machine's own configuration adds. */
const aptConf = ({ arch, dir, sources }: Archive): string => `#clear APT::Architectures;
APT::Architecture "${arch}";
APT::Architectures { "${arch}"; };
APT::Install-Recommends "false";
APT::Sandbox::User "";
Acquire::Retries "3";
Acquire::Languages "none";
Dir::State "${dir}";
Dir::State::lists "${dir}/lists";
Dir::State::status "${dir}/status";
Dir::Cache "${dir}";
Dir::Cache::archives "${dir}/archives";
Dir::Etc::sourcelist "${sources}";
Dir::Etc::sourceparts "-";
Dir::Etc::preferencesparts "-";
Dir::Log "${dir}";
`;
