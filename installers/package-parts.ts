/** What both packages say of themselves. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";

export const shared = (version: string, arch: string): Readonly<Record<string, string>> => ({
  // dpkg puts 1.0.0~rc1 before 1.0.0, and 1.0.0-rc1 behind it.
  Version: version.replace("-", "~"),
  Architecture: arch,
  Maintainer: "boma <boma@localhost.invalid>",
  Section: "admin",
  Priority: "optional",
});

const SCRIPTS = ["preinst", "postinst", "prerm", "postrm"] as const;

/** The scripts that dpkg runs. */
export async function scriptsOf(dir: string, version: string): Promise<Readonly<Record<string, string>>> {
  const texts = await Promise.all(SCRIPTS.map((name) => readFile(join(dir, name), "utf8")));
  return Object.fromEntries(SCRIPTS.map((name, at) => [name, texts[at]!.replaceAll("@VERSION@", version)]));
}
