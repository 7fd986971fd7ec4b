/** `npm run test:netboot` builds images and boots machines in an emulator: this installs what that needs. */
import { existsSync } from "node:fs";

import { installMissing, type Needed } from "./install-missing.ts";

const PROGRAMS: Needed = {
  "qemu-system-x86_64": "qemu-system-x86",
  "qemu-system-aarch64": "qemu-system-arm",
  dnsmasq: "dnsmasq-base",
  curl: "curl",
  losetup: "mount",
  ip: "iproute2",
  mksquashfs: "squashfs-tools",
  depmod: "kmod",
};

/** What is no program: ROMs of the emulator's cards, the loaders that the boot service hands out, UEFI's firmware. */
const FILES: Needed = {
  "/usr/lib/ipxe/qemu/efi-virtio.rom": "ipxe-qemu",
  "/usr/lib/ipxe/snponly.efi": "ipxe",
  "/usr/share/ovmf/OVMF.fd": "ovmf",
};

const absent = Object.entries(FILES).filter(([path]) => !existsSync(path));
await installMissing({ ...PROGRAMS, ...Object.fromEntries(absent) });
