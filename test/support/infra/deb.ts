/** Makes the package of a program, in a release of our own choice: a second one of the same program is an upgrade. */
import { createHash } from "node:crypto";
import { chmod, link, mkdir, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";

import { ensureBuilt } from "../hosts/cache.ts";
import { mustRun } from "../hosts/program.ts";
import { ensureProgram, sizeOf } from "./build.ts";
import { type Package, PACKAGES } from "./packages.ts";
import { type Program, PROGRAMS, type ProgramName } from "./programs.ts";

const PACK_MS_MAX = 5 * 60_000;
const FORMAT = 1;

export interface Deb {
  readonly name: ProgramName;
  /** As dpkg and apt have it. */
  readonly version: string;
  readonly path: string;
}

export const architecture = (): string => (process.arch === "x64" ? "amd64" : process.arch);

async function put(root: string, path: string, text: string, mode = 0o644): Promise<void> {
  await mkdir(join(root, dirname(path)), { recursive: true });
  await writeFile(join(root, path), text);
  await chmod(join(root, path), mode);
}

async function control(name: ProgramName, version: string, binary: string): Promise<string> {
  const { description, depends } = PACKAGES[name];
  const lines = [
    `Package: ${name}`,
    `Version: ${version}`,
    `Architecture: ${architecture()}`,
    "Maintainer: The tests of boma <tests@boma.invalid>",
    `Installed-Size: ${Math.ceil((await sizeOf(binary)) / 1024)}`,
    ...(depends.length > 0 ? [`Depends: ${depends.join(", ")}`] : []),
    "Section: admin",
    "Priority: optional",
    `Description: ${description}`,
  ];
  return `${lines.join("\n")}\n`;
}

async function pack(name: ProgramName, version: string, binary: string, dir: string): Promise<void> {
  const { files, scripts }: Package = PACKAGES[name];
  const root = join(dir, "root");
  for (const [path, text] of Object.entries(files)) await put(root, path, text);
  await put(root, "DEBIAN/control", await control(name, version, binary));
  const conffiles = Object.keys(files).filter((path) => path.startsWith("/etc/"));
  if (conffiles.length > 0)
    await put(root, "DEBIAN/conffiles", conffiles.map((path) => `${path}\n`).join(""));
  for (const [script, text] of Object.entries(scripts)) await put(root, `DEBIAN/${script}`, text, 0o755);
  await mkdir(join(root, "usr/bin"), { recursive: true });
  await link(binary, join(root, "usr/bin", name));
  // For speed: it is read as often as hosts install it.
  const words = [
    "dpkg-deb",
    "--root-owner-group",
    "-Zzstd",
    "-z3",
    "--build",
    root,
    join(dir, fileOf(name, version)),
  ];
  await mustRun(words, { timeoutMs: PACK_MS_MAX });
  await rm(root, { recursive: true });
}

const fileOf = (name: string, version: string): string => `${name}_${version}_${architecture()}.deb`;

/** The package of a program, which is made if there is none. */
export async function ensureDeb(name: ProgramName, release = 1): Promise<Deb> {
  const program: Program = PROGRAMS[name];
  const binary = await ensureProgram(program);
  const version = `${program.version.replace(/^v/, "")}-${release}`;
  // The path of the program says what that is made from.
  const parts = [FORMAT, architecture(), binary, PACKAGES[name], version];
  const digest = createHash("sha256").update(JSON.stringify(parts)).digest("hex").slice(0, 16);
  const dir = await ensureBuilt(`deb-${name}`, digest, (made) => pack(name, version, binary, made));
  return { name, version, path: join(dir, fileOf(name, version)) };
}
