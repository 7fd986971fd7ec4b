/**
 * What a Raspberry Pi asks for over TFTP: files below its own MAC address, which its
 * EEPROM puts before each name (`TFTP_PREFIX=2`). They are made for who asks; none
 * is kept for a machine.
 */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

import { BomaError } from "@boma/protocol";

import type { ImageShelf } from "../image/image-shelf.ts";
import { kernelWords, type Served } from "./boot-script.ts";
import type { AskBoot } from "./netboot.ts";

const FIRMWARE = /^(start\w*\.elf|fixup\w*\.dat|bcm\d+[\w-]*\.dtb)$/;

/** It is the firmware that reads this, before anything of ours runs. */
const CONFIG = `arm_64bit=1
enable_uart=1
kernel=kernel8.img
initramfs initrd followkernel
cmdline=cmdline.txt
`;

export interface PiParts {
  readonly firmware: ReadonlyMap<string, Uint8Array>;
  readonly shelf: Pick<ImageShelf, "find" | "refresh">;
  readonly boot: AskBoot;
  readonly saw: (mac: string, stage: "kernel" | "initrd", address: string) => void;
  readonly words: Pick<Served, "console" | "extra">;
}

export function readFirmware(dir: string): ReadonlyMap<string, Uint8Array> {
  const names = existsSync(dir) ? readdirSync(dir).filter((name) => FIRMWARE.test(name)) : [];
  if (!names.some((name) => name.startsWith("start")))
    throw new BomaError("usage/file", `there is no firmware of a Raspberry Pi in ${dir}`, {
      hint: "See docs/guide/raspberry-pi.md: start4.elf, fixup4.dat and the device tree belong there.",
    });
  return new Map(names.map((name) => [name, readFileSync(join(dir, name))]));
}

export class PiFiles {
  readonly #parts: PiParts;
  /** The image that a machine was told of: its kernel and its root are of one image, whatever is built meanwhile. */
  readonly #told = new Map<string, string | undefined>();

  constructor(parts: PiParts) {
    this.#parts = parts;
  }

  /** `undefined` where the path is none of a Pi's, or this Pi may not boot. */
  async file(path: string, address: string): Promise<Uint8Array | undefined> {
    const [, dashed, name] = /^([0-9a-f]{2}(?:-[0-9a-f]{2}){5})\/+([\w.-]+)$/i.exec(path) ?? [];
    if (dashed === undefined || name === undefined) return undefined;
    const mac = dashed.toLowerCase().replaceAll("-", ":");
    if (name === "config.txt") return Buffer.from(CONFIG);
    if (name === "cmdline.txt") return this.#commandLine(mac, address);
    if (name === "kernel8.img") return this.#imageFile(mac, "kernel", address);
    if (name === "initrd") return this.#imageFile(mac, "initrd", address);
    return this.#parts.firmware.get(name);
  }

  /** The token is in it: each time it is asked for, it is another one, and the one before is void. */
  async #commandLine(mac: string, address: string): Promise<Uint8Array | undefined> {
    const { boot, shelf, words } = this.#parts;
    await shelf.refresh();
    if (!shelf.find("arm64")) return undefined;
    const answer = await boot({ mac, arch: "arm64", address });
    // What a Pi starts from on a disk nobody writes yet: it is not put on one.
    if (!answer.boots || answer.install || !shelf.find("arm64", answer.image)) return undefined;
    this.#told.set(mac, answer.image);
    return Buffer.from(`${kernelWords(mac, answer, words).join(" ")}\n`);
  }

  #imageFile(mac: string, file: "kernel" | "initrd", address: string): Uint8Array | undefined {
    if (!this.#told.has(mac)) return undefined;
    const image = this.#parts.shelf.find("arm64", this.#told.get(mac));
    if (image) this.#parts.saw(mac, file, address);
    return image?.[file];
  }
}
