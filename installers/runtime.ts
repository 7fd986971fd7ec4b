/**
 * Node of the lock file for one architecture, without what only a debugger reads.
 * It is cut here and not by `strip`, whose output depends on its version and which
 * one machine has not for the other architecture.
 */
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";

import { type Architecture, ARCHITECTURES, type LockFile } from "./lock-file.ts";
import { packageDir } from "./npm-package.ts";

export async function writeRuntime(lock: LockFile, arch: Architecture, file: string): Promise<void> {
  const dir = await packageDir(lock.locked(`node_modules/node-linux-${ARCHITECTURES[arch]}`));
  const node = await readFile(join(dir, "bin/node"));
  await mkdir(dirname(file), { recursive: true });
  await writeFile(file, withoutSections(node), { mode: 0o755 });
}

/** Offsets in the header of a 64-bit ELF file, and in one of its program headers. */
const HEADER = { programs: 32, sections: 40, programSize: 54, programCount: 56, sectionCount: 60, names: 62 };
const PROGRAM = { offset: 8, sizeInFile: 32 };

/** A program is loaded by its segments. What lies behind the last one are symbols and the table of sections. */
export function withoutSections(elf: Buffer): Buffer {
  if (elf.readUInt32BE(0) !== 0x7f454c46 || elf[4] !== 2 || elf[5] !== 1)
    throw new Error("the runtime is not a 64-bit ELF program");
  const first = Number(elf.readBigUInt64LE(HEADER.programs));
  const size = elf.readUInt16LE(HEADER.programSize);
  const count = elf.readUInt16LE(HEADER.programCount);
  let end = first + size * count;
  for (let at = first; at < first + size * count; at += size) {
    const offset = Number(elf.readBigUInt64LE(at + PROGRAM.offset));
    end = Math.max(end, offset + Number(elf.readBigUInt64LE(at + PROGRAM.sizeInFile)));
  }
  const cut = Buffer.from(elf.subarray(0, end));
  cut.writeBigUInt64LE(0n, HEADER.sections);
  cut.writeUInt16LE(0, HEADER.sectionCount);
  cut.writeUInt16LE(0, HEADER.names);
  return cut;
}
