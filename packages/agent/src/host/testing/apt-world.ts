/** An apt and a dpkg with a root, a database and a repository of their own, below a temporary directory. */
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { memoryHost } from "@boma/states/testing";

import { realCommands } from "../commands-port.ts";
import { realPackages } from "../packages.ts";

export interface GivenPackage {
  readonly name: string;
  readonly version: string;
  readonly fields?: Readonly<Record<string, string>>;
}

export interface AptWorld {
  readonly root: string;
  readonly sourceFile: string;
  readonly environment: Readonly<Record<string, string>>;
  /** Makes these the whole repository. */
  publish(packages: readonly GivenPackage[]): void;
  port(signal?: AbortSignal): ReturnType<typeof realPackages>;
  drop(): void;
}

const DIRS = [
  "admin/info",
  "admin/updates",
  "admin/triggers",
  "target",
  "repo",
  "etc/apt.conf.d",
  "etc/sources.list.d",
  "etc/preferences.d",
  "etc/trusted.gpg.d",
  "log",
  "state/lists/partial",
  "cache/archives/partial",
];

export function aptWorld(): AptWorld {
  const root = mkdtempSync(join(tmpdir(), "boma-apt-"));
  for (const dir of DIRS) mkdirSync(join(root, dir), { recursive: true });
  writeFileSync(join(root, "admin/status"), "");
  const sourceFile = join(root, "etc/sources.list.d/local.sources");
  writeFileSync(sourceFile, `Types: deb\nURIs: file:${root}/repo\nSuites: ./\nTrusted: yes\n`);
  writeFileSync(join(root, "apt.conf"), configurationOf(root));
  const environment = { APT_CONFIG: join(root, "apt.conf"), DPKG_ADMINDIR: join(root, "admin") };
  return {
    root,
    sourceFile,
    environment,
    publish: (packages) => publish(join(root, "repo"), packages),
    port(signal = new AbortController().signal) {
      const session = { signal, line: () => undefined };
      const files = memoryHost().ports.files.write;
      return realPackages({ session, files, commands: realCommands(session).write }, environment);
    },
    drop: () => rmSync(root, { recursive: true, force: true }),
  };
}

const configurationOf = (root: string): string => `
Dir "${root}";
Dir::Etc "etc";
Dir::Etc::Parts "${root}/etc/apt.conf.d";
Dir::State "state";
Dir::State::Status "${root}/admin/status";
Dir::Cache "cache";
Dir::Log "${root}/log";
DPkg::Options { "--admindir=${root}/admin"; "--instdir=${root}/target"; "--force-not-root"; "--log=${root}/dpkg.log"; };
DPkg::Path "";
APT::Sandbox::User "root";
`;

function publish(repo: string, packages: readonly GivenPackage[]): void {
  rmSync(repo, { recursive: true, force: true });
  mkdirSync(repo, { recursive: true });
  const index = packages.map((one) => {
    const fields = {
      Package: one.name,
      Version: one.version,
      Architecture: "all",
      Maintainer: "nobody <nobody@example.org>",
      ...one.fields,
      Description: "for a test",
    };
    const control = Object.entries(fields)
      .map(([name, value]) => `${name}: ${value}\n`)
      .join("");
    const file = build(repo, one, control);
    const bytes = readFileSync(join(repo, file));
    const sha256 = createHash("sha256").update(bytes).digest("hex");
    return `${control}Filename: ./${file}\nSize: ${bytes.length}\nSHA256: ${sha256}\n`;
  });
  writeFileSync(join(repo, "Packages"), index.join("\n"));
}

function build(repo: string, { name, version }: GivenPackage, control: string): string {
  const tree = mkdtempSync(join(repo, "tree-"));
  mkdirSync(join(tree, "DEBIAN"));
  mkdirSync(join(tree, "usr/share", name), { recursive: true });
  writeFileSync(join(tree, "DEBIAN/control"), control);
  mkdirSync(join(tree, "etc"));
  writeFileSync(join(tree, "etc", `${name}.conf`), `of ${version}\n`);
  writeFileSync(join(tree, "DEBIAN/conffiles"), `/etc/${name}.conf\n`);
  const file = `${name}_${version.replace(":", "%")}_all.deb`;
  execFileSync("dpkg-deb", ["--root-owner-group", "--build", tree, join(repo, file)], { stdio: "ignore" });
  rmSync(tree, { recursive: true });
  return file;
}
