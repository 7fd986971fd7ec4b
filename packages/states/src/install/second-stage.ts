/** The packages' own scripts, run once on the disk; then an initramfs, and a loader for each way in which this machine may start. */
import type { Host } from "../host/host.ts";
import type { LiveSystem } from "./live-system.ts";
import { quietly, TARGET } from "./workplace.ts";

const MINUTES = 60_000;
const POLICY = "/usr/sbin/policy-rc.d";
/** Nothing of it is started here: the machine still runs another system. */
const NO_SERVICES = "#!/bin/sh\nexit 101\n";
const STATUS = "/var/lib/dpkg/status";

/** `INITRD=No`: it is made once, when all that it holds is there. */
const ENVIRONMENT = [
  "PATH=/usr/sbin:/usr/bin:/sbin:/bin",
  "LC_ALL=C.UTF-8",
  "DEBIAN_FRONTEND=noninteractive",
  "INITRD=No",
] as const;

const inTarget =
  (host: Host, minutes: number) =>
  (...argv: readonly string[]): Promise<void> =>
    quietly(host, minutes * MINUTES)("chroot", TARGET, "env", "-i", ...ENVIRONMENT, ...argv);

export async function prepare(host: Host): Promise<void> {
  const must = quietly(host, MINUTES);
  const mounts = [
    ["-t", "proc", "proc", "/proc"],
    ["--bind", "/sys", "/sys"],
    ["--bind", "/dev", "/dev"],
    ["--bind", "/dev/pts", "/dev/pts"],
    // Of its own: there is no systemd there, and nobody shall think that there is.
    ["-t", "tmpfs", "-o", "mode=755", "run", "/run"],
  ];
  for (const words of mounts) await must("mount", ...words.slice(0, -1), TARGET + words.at(-1)!);
  await host.files.write(TARGET + POLICY, NO_SERVICES, { mode: "0755" });
}

/** In the image they pass for installed, for apt's sake; here that is made true. */
export async function configure(host: Host): Promise<void> {
  const sed = (expression: string) =>
    quietly(host, MINUTES)("sed", "--in-place", expression, TARGET + STATUS);
  await sed("s/^Status: install ok installed$/Status: install ok unpacked/");
  // Its script links a hundred and forty certificates, a dozen programs each; the image has them linked.
  await sed("/^Package: ca-certificates$/,/^$/s/^Status: install ok unpacked$/Status: install ok installed/");
  await inTarget(host, 120)("dpkg", "--configure", "--pending", "--force-confold");
}

/** For the first boot, which needs no network: half the time. What later kernels get is Debian's own choice again. */
const FOR_NOW: Readonly<Record<string, readonly [text: string, mode: string]>> = {
  "/etc/initramfs-tools/conf.d/boma-install": ["MODULES=list\n", "0644"],
  "/etc/initramfs-tools/hooks/boma-install": [
    `#!/bin/sh
[ "$1" != prereqs ] || exit 0
. /usr/share/initramfs-tools/hook-functions
auto_add_modules base block ata scsi mmc usb_storage
`,
    "0755",
  ],
};

export async function makeInitramfs({ kernel }: LiveSystem, host: Host): Promise<void> {
  const { files } = host;
  for (const [path, [text, mode]] of Object.entries(FOR_NOW))
    await files.write(TARGET + path, text, { mode });
  await inTarget(host, 60)("update-initramfs", "-c", "-k", kernel);
  for (const path of Object.keys(FOR_NOW)) await files.remove(TARGET + path);
}

/** Into the place that every firmware tries, and not into its memory: that is the machine's, and the disk may go to another. */
const UEFI = ["--efi-directory=/boot/efi", "--no-nvram", "--uefi-secure-boot", "--force-extra-removable"];

export async function installLoader(disk: string, { arch }: LiveSystem, host: Host): Promise<void> {
  const must = inTarget(host, 30);
  if (arch === "amd64") {
    await must("grub-install", "--target=i386-pc", disk);
    await must("grub-install", "--target=x86_64-efi", ...UEFI);
    // With it the package renews both when it is upgraded.
    await host.files.write(`${TARGET}/etc/grub.d/enable_cloud`, "");
  } else await must("grub-install", "--target=arm64-efi", ...UEFI);
  await must("update-grub");
  await host.files.remove(TARGET + POLICY);
}
