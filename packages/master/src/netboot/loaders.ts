/** Files that machines fetch before anything of ours runs there: iPXE as Debian packages it, and the agent's package. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

/** Name on the wire → where its package puts it. They are read by root's own package, never by a name from outside. */
const FILES = ["undionly.kpxe", "ipxe.efi", "snponly.efi", "ipxe-arm64.efi", "snponly-arm64.efi"] as const;

export function readLoaders(dir: string): ReadonlyMap<string, Uint8Array> {
  const found = new Map<string, Uint8Array>();
  for (const name of FILES) {
    const path = join(dir, name);
    if (existsSync(path)) found.set(name, readFileSync(path));
  }
  return found;
}

const PACKAGE = /^boma-agent_[^/]*_(amd64|arm64)\.deb$/;

/** `package/boma-agent_arm64.deb`, whatever version it has: of several the last by name. */
export function readPackages(dir: string): ReadonlyMap<string, Uint8Array> {
  const found = new Map<string, Uint8Array>();
  for (const name of readdirSync(dir).toSorted()) {
    const arch = PACKAGE.exec(name)?.[1];
    if (arch !== undefined) found.set(`package/boma-agent_${arch}.deb`, readFileSync(join(dir, name)));
  }
  return found;
}
