/** Disks of machines in the emulator: files that take no room until something is written. */
import { closeSync, openSync, truncateSync, writeSync } from "node:fs";
import { join } from "node:path";

import { mustRun } from "../hosts/program.ts";

/** The file's name is the serial number that the machine sees. */
export function blankDisk(dir: string, serial: string, gib = 8): string {
  const path = join(dir, `${serial}.disk`);
  closeSync(openSync(path, "wx"));
  truncateSync(path, gib * 1024 ** 3);
  return path;
}

/** Something that is not zero, somewhere on it. */
export function writeInto(path: string, at: number, mib: number): void {
  const file = openSync(path, "r+");
  const bytes = Buffer.alloc(1024 ** 2, 0xb0);
  for (let index = 0; index < mib; index++)
    writeSync(file, bytes, 0, bytes.length, at + index * bytes.length);
  closeSync(file);
}

export interface AttachedDisk extends AsyncDisposable {
  readonly path: string;
}

/** The same disk in this machine, with a device for each of its partitions. */
export async function attachDisk(file: string): Promise<AttachedDisk> {
  const path = (await mustRun(["losetup", "--find", "--show", "--partscan", file])).trim();
  return {
    path,
    async [Symbol.asyncDispose]() {
      await mustRun(["losetup", "--detach", path]);
    },
  };
}
