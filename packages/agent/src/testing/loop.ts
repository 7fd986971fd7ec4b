/** Disks for tests: files behind loop devices. */
import { execFile } from "node:child_process";
import { truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";

import { temporaryDirectory } from "./support.ts";

export const exec = promisify(execFile);

export const MIB = 1024 * 1024;

export interface LoopDisk extends AsyncDisposable {
  readonly path: string;
  readonly file: string;
  /** Makes the disk larger, as a volume would become. */
  enlarge(mib: number): Promise<void>;
}

/** An empty disk of this size, which goes away with its file, whatever the test did to it. */
export async function loopDisk(mib: number): Promise<LoopDisk> {
  const directory = await temporaryDirectory();
  const file = join(directory.path, "disk");
  await writeFile(file, "");
  await truncate(file, mib * MIB);
  const { stdout } = await exec("losetup", ["--find", "--show", file]).catch(async (thrown: unknown) => {
    await directory[Symbol.asyncDispose]();
    throw thrown;
  });
  const path = stdout.trim();
  return {
    path,
    file,
    async enlarge(to) {
      await truncate(file, to * MIB);
      await exec("losetup", ["--set-capacity", path]);
    },
    async [Symbol.asyncDispose]() {
      await exec("losetup", ["--detach", path]);
      await directory[Symbol.asyncDispose]();
    },
  };
}
