/** A machine that is switched on: qemu, with a console that is read and an end that always comes. */
import { existsSync } from "node:fs";
import { basename } from "node:path";

import { TestProcess } from "../process.ts";

export interface MachineOptions {
  readonly arch: "amd64" | "arm64";
  readonly mac: string;
  readonly uuid?: string;
  readonly memoryMiB?: number;
  /** Its first script: what DHCP would tell it. */
  readonly bootfile?: string;
  /** Kernel and initramfs, where it has no loader of its own. */
  readonly direct?: { readonly kernel: string; readonly initrd: string; readonly words: string };
  /** What its clock says when it is switched on. */
  readonly clock?: string;
  /** Where it is plugged in; without one it is behind the emulator's own network. */
  readonly cable?: { readonly tap: string; readonly via: readonly string[] };
  /** UEFI's own loader instead of a BIOS: a file of firmware. */
  readonly firmware?: string | Firmware;
  /** Images of its disks: it starts from the network, and from the first of them where that sends it on. */
  readonly disks?: readonly string[];
  /** It starts from the first of its disks, and does not ask the network. */
  readonly fromDisk?: true;
  /** Its BIOS begins anew where the network did not boot it, as a server's does. */
  readonly keepsTrying?: true;
  /** For what takes longer than a boot. */
  readonly lifeSeconds?: number;
}

/** Firmware with a memory of its own, in which it may keep whose loaders it starts. */
export interface Firmware {
  readonly code: string;
  /** Written by the machine. */
  readonly variables: string;
}

const EMULATOR = { amd64: "qemu-system-x86_64", arm64: "qemu-system-aarch64" } as const;
const BOARD = {
  amd64: ["-machine", "pc"],
  arm64: ["-machine", "virt", "-cpu", "cortex-a72"],
} as const;
/** What keeps the keys of Secure Boot from the system that was started. */
const GUARDED = {
  amd64: ["-machine", "q35,smm=on", "-global", "driver=cfi.pflash01,property=secure,value=on"],
  arm64: BOARD.arm64,
} as const;

const SMALL = ["-accel", "tcg", "-smp", "1", "-nographic"] as const;

/** Nothing that a test starts outlives this, whatever becomes of the test. */
const LIFE_S_MAX = 540;

/** The console's lines are the process's: `machine.line(/boma-agent/)` waits for one. */
export function switchOn(options: MachineOptions): TestProcess {
  const { arch, mac, uuid, memoryMiB = 1024, bootfile, direct, clock, cable, firmware } = options;
  const { disks = [], fromDisk = false, keepsTrying = false, lifeSeconds = LIFE_S_MAX } = options;
  const net =
    cable === undefined
      ? `user,id=net${bootfile === undefined ? "" : `,bootfile=${bootfile}`}`
      : `tap,id=net,ifname=${cable.tap},script=no,downscript=no`;
  const rom = direct || fromDisk ? ",romfile=" : "";
  const words = [
    "--kill-after=5",
    String(lifeSeconds),
    // Ended by force, it takes the emulator along: a power cut, and nothing that is left behind.
    "setpriv",
    "--pdeathsig",
    "KILL",
    EMULATOR[arch],
    ...boardWith(firmware, arch),
    ...SMALL,
    ...(keepsTrying ? [] : ["-no-reboot"]),
    "-m",
    String(memoryMiB),
    "-netdev",
    net,
    "-device",
    `virtio-net-pci,netdev=net,mac=${mac}${rom}`,
    ...(uuid === undefined ? [] : ["-uuid", uuid]),
    ...disks.flatMap((file, at) => [
      "-drive",
      `file=${file},format=raw,if=none,id=disk${at},discard=unmap,cache=unsafe`,
      "-device",
      `virtio-blk-pci,drive=disk${at},serial=${basename(file, ".disk")}${fromDisk ? `,bootindex=${at}` : ""}`,
    ]),
    ...(clock === undefined ? [] : ["-rtc", `base=${clock}`]),
    ...(direct
      ? ["-kernel", direct.kernel, "-initrd", direct.initrd, "-append", direct.words]
      : fromDisk
        ? []
        : ["-boot", `order=${disks.length > 0 ? "nc" : "n"}${keepsTrying ? ",reboot-timeout=1000" : ""}`]),
  ];
  const [command, ...before] = [...(cable?.via ?? []), "timeout"];
  return new TestProcess(command!, [...before, ...words]);
}

function boardWith(firmware: MachineOptions["firmware"], arch: MachineOptions["arch"]): readonly string[] {
  if (firmware === undefined) return BOARD[arch];
  if (typeof firmware === "string") return [...BOARD[arch], "-bios", firmware];
  const flash = (file: string, more = "") => ["-drive", `if=pflash,format=raw,file=${file}${more}`];
  return [...GUARDED[arch], ...flash(firmware.code, ",readonly=on"), ...flash(firmware.variables)];
}

/** Programs of the emulator that this machine has. */
export const canEmulate = (arch: MachineOptions["arch"]): boolean =>
  (process.env["PATH"] ?? "").split(":").some((dir) => existsSync(`${dir}/${EMULATOR[arch]}`));
