/** What dpkg has in its database, as dpkg-query prints it. */
import type { InstalledPackage } from "@boma/states/core";

const FIELDS = [
  "${Package}",
  "${Architecture}",
  "${Version}",
  "${db:Status-Want}",
  "${db:Status-Eflag}",
  "${db:Status-Status}",
  "${Provides}",
];
export const DPKG_QUERY: readonly string[] = [
  "dpkg-query",
  "--show",
  `--showformat=${FIELDS.join("\\t")}\\n`,
];

export interface DpkgStatus {
  readonly installed: ReadonlyMap<string, InstalledPackage>;
  /** Removed, with configuration files left. */
  readonly leftovers: ReadonlySet<string>;
  readonly broken: readonly string[];
  /** A virtual name to the installed packages that provide it. */
  readonly providers: ReadonlyMap<string, readonly string[]>;
}

export function parseDpkgStatus(text: string, nativeArch: string): DpkgStatus {
  const installed = new Map<string, InstalledPackage>();
  const leftovers = new Set<string>();
  const broken: string[] = [];
  const providers = new Map<string, string[]>();
  for (const row of text.split("\n")) {
    const [plain, arch, version, want, flag, status, provides] = row.split("\t");
    if (plain === undefined || arch === undefined || status === undefined) continue;
    const name = arch === nativeArch || arch === "all" ? plain : `${plain}:${arch}`;
    const whole = status === "installed" && flag === "ok";
    if (status === "not-installed") continue;
    if (status === "config-files") {
      leftovers.add(name);
      continue;
    }
    if (!whole) broken.push(name);
    installed.set(name, { name, version: version ?? "", arch, whole, held: want === "hold" });
    for (const virtual of namesIn(provides ?? ""))
      providers.set(virtual, [...(providers.get(virtual) ?? []), name]);
  }
  return { installed, leftovers, broken, providers };
}

/** `mail-transport-agent, editor (= 1.2)`: the names alone. */
const namesIn = (provides: string): string[] =>
  provides.split(",").flatMap((one) => /^\s*([^\s(:]+)/.exec(one)?.[1] ?? []);
