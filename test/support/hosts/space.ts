/**
 * Namespaces that are held open by one process and nothing else: when that
 * process is gone, which it is at the latest when the test process is, so are
 * the network, the mounts and the memory file systems in them.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";

import { keepWithUs, mustRun, type ProgramOptions } from "./program.ts";

export class Space implements AsyncDisposable {
  readonly #holder: ChildProcess;

  private constructor(holder: ChildProcess) {
    this.#holder = holder;
  }

  static async open(): Promise<Space> {
    // cat lives for as long as somebody holds the other end of its input: us.
    const words = ["--net", "--mount", "--propagation", "private", "cat"];
    const holder = spawn("unshare", words, { stdio: ["pipe", "pipe", "inherit"] });
    keepWithUs(holder);
    const failed = once(holder, "close").then(() => {
      throw new Error("unshare made no namespaces: the hosts tier needs root and its capabilities");
    });
    failed.catch(() => undefined);
    holder.stdin.write("held\n");
    await Promise.race([once(holder.stdout, "data"), failed]);
    const space = new Space(holder);
    await space.must(["ip", "link", "set", "lo", "up"]);
    return space;
  }

  get pid(): number {
    return this.#holder.pid!;
  }

  /** The words before a command that is to run in here. */
  get enter(): readonly string[] {
    return ["nsenter", `--net=/proc/${this.pid}/ns/net`, `--mount=/proc/${this.pid}/ns/mnt`, "--"];
  }

  must(argv: readonly string[], options: ProgramOptions = {}): Promise<string> {
    return mustRun([...this.enter, ...argv], options);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#holder.exitCode !== null || this.#holder.signalCode !== null) return;
    const closed = once(this.#holder, "close");
    this.#holder.kill("SIGKILL");
    await closed;
  }
}
