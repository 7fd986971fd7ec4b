/** Directories that are never emptied or removed as a whole, whoever says so. */
import { BomaError } from "@boma/protocol";

import { protectedComplaint } from "../../host/file-complaint.ts";

const PROTECTED = new Set([
  ...["ssh", "systemd", "apt", "pam.d", "security", "network", "netplan", "ssl", "init.d", "default"].map(
    (name) => `/etc/${name}`,
  ),
  ...["bin", "sbin", "lib", "lib32", "lib64", "libexec", "share", "include", "local", "src"].map(
    (name) => `/usr/${name}`,
  ),
  ...["lib", "log", "cache", "spool", "mail", "tmp", "backups", "local", "opt"].map((name) => `/var/${name}`),
  "/var/lib/dpkg",
  "/var/lib/systemd",
  "/var/lib/boma",
]);

/** All directly below the root, those that a machine does not start without, and the homes of people. */
export const isProtected = (path: string): boolean =>
  /^\/[^/]*$/.test(path) || /^\/home\/[^/]+$/.test(path) || PROTECTED.has(path);

export function assertUnprotected(path: string): void {
  if (isProtected(path)) throw protectedComplaint(path, "it is one of the directories that always stay");
}

/** A count that stands between a slip of the pen and an empty directory. */
export function assertFew(path: string, names: readonly string[], most: number): void {
  if (names.length <= most) return;
  const shown = names.slice(0, 10).join(", ");
  throw new BomaError(
    "state/refused",
    `${path} holds ${names.length} things that would be removed, and \`maxDelete\` is ${most}: ${shown}${names.length > 10 ? ", …" : ""}`,
    { hint: "Look at what is there; then raise `maxDelete`, or name what stays in `keep`." },
  );
}
