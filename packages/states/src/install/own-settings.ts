/** What makes the copy of a signed root this machine's own system: where it is, what it is called, how it is started. */
import type { Host } from "../host/host.ts";
import { DISK_SYSTEM } from "./live-system.ts";
import { TARGET } from "./workplace.ts";
import type { Parts } from "./write-disk.ts";

/** Of the live system only: that it can be put on a disk, and that its agent speaks on the console. */
const LIVE_ONLY = [DISK_SYSTEM, "/etc/systemd/system/boma-agent.service.d/50-console.conf"] as const;

/** Made by the packages' own scripts, as on any Debian; what the image holds is enough to boot once. */
const MADE_ANEW = ["account", "auth", "password", "session", "session-noninteractive"] as const;

export async function writeSettings(parts: Parts, hostname: string, host: Host): Promise<void> {
  const { files, storage, commands } = host;
  const put = (path: string, text: string, mode = "0644"): Promise<void> =>
    files.write(TARGET + path, text, { mode });
  const [root, esp] = await Promise.all([storage.probe(parts.root), storage.probe(parts.esp)]);
  await put(
    "/etc/fstab",
    `UUID=${root.uuid} / ext4 errors=remount-ro 0 1\nUUID=${esp.uuid} /boot/efi vfat umask=0077 0 1\n`,
  );
  await put("/etc/hostname", `${hostname}\n`);
  await put(
    "/etc/hosts",
    `127.0.0.1 localhost\n127.0.1.1 ${hostname}\n::1 localhost ip6-localhost ip6-loopback\n`,
  );
  const grub = `${TARGET}/etc/default/grub.d`;
  if (!(await files.stat(grub))) await files.makeDirectory(grub);
  const { stdout } = await commands.read({ argv: ["cat", "/proc/cmdline"] });
  await put("/etc/default/grub.d/50-boma.cfg", `GRUB_CMDLINE_LINUX="${consolesOf(stdout)}"\n`);
  for (const path of [...LIVE_ONLY, ...MADE_ANEW.map((name) => `/etc/pam.d/common-${name}`)])
    if (await files.stat(TARGET + path)) await files.remove(TARGET + path);
}

/** Where the live system speaks, the one on the disk does too. It stands in a file that a shell reads. */
export const consolesOf = (cmdline: string): string =>
  cmdline
    .trim()
    .split(/\s+/)
    .filter((word) => /^console=[A-Za-z0-9,]{1,40}$/.test(word))
    .join(" ");
