/** An image as its makers work on it: a root file system that is changed in a chroot and never runs there. */
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { join } from "node:path";

import { PACKAGES } from "../debs.ts";
import { mustRun, type ProgramEnd, runProgram } from "./program.ts";
import { ensureRootfs } from "./rootfs.ts";

/** In mounts of its own, which are gone when it is. */
const IN_CHROOT = `
dir=$1; lower=$2; shift 2
mount -t overlay image -o "lowerdir=$lower,upperdir=$dir/upper,workdir=$dir/work" "$dir/root"
mount -t proc proc "$dir/root/proc"
mount --rbind /dev "$dir/root/dev"
exec chroot "$dir/root" "$@"
`;
const BAKE_MS_MAX = 180_000;

export class BakedImage implements AsyncDisposable {
  /** What the image has that Debian has not: a layer of a host's disk. */
  readonly layer: string;
  readonly #dir: string;

  private constructor(dir: string) {
    this.#dir = dir;
    this.layer = join(dir, "upper");
  }

  static async make(): Promise<BakedImage> {
    await mkdir(PACKAGES, { recursive: true });
    const dir = await mkdtemp(join(PACKAGES, "image-"));
    for (const name of ["upper", "work", "root"]) await mkdir(join(dir, name), { mode: 0o755 });
    return new BakedImage(dir);
  }

  /** Files of this machine, by where they are to lie in the image. */
  async copy(files: Readonly<Record<string, string>>): Promise<void> {
    for (const [to, from] of Object.entries(files))
      await mustRun(["install", "-D", "--mode=644", from, join(this.layer, to)]);
  }

  async chroot(argv: readonly string[]): Promise<ProgramEnd> {
    const script = ["sh", "-ec", IN_CHROOT, "sh", this.#dir, await ensureRootfs(), ...argv];
    return runProgram(["unshare", "--mount", "--propagation", "private", ...script], {
      timeoutMs: BAKE_MS_MAX,
      env: { PATH: "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin" },
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.#dir, { recursive: true, force: true });
  }
}
