/** A child process of a test: its lines can be awaited, and it never outlives the test. */
import { type ChildProcess, spawn } from "node:child_process";
import { createInterface } from "node:readline";

const living = new Set<ChildProcess>();
process.on("exit", () => {
  for (const child of living) child.kill("SIGKILL");
});

export interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export class TestProcess implements AsyncDisposable {
  readonly lines: string[] = [];
  readonly ended: Promise<Ended>;
  readonly #child: ChildProcess;
  readonly #waiting = new Set<() => void>();
  #over = false;

  constructor(
    command: string,
    args: readonly string[],
    options: { cwd?: string; env?: Record<string, string> } = {},
  ) {
    const env = { ...process.env, NO_COLOR: "1", ...options.env };
    this.#child = spawn(command, args, {
      stdio: ["ignore", "pipe", "pipe"],
      env,
      ...(options.cwd && { cwd: options.cwd }),
    });
    living.add(this.#child);
    let stdout = "";
    let stderr = "";
    this.#child.stdout!.on("data", (data: Buffer) => (stdout += data.toString()));
    this.#child.stderr!.on("data", (data: Buffer) => (stderr += data.toString()));
    for (const stream of [this.#child.stdout!, this.#child.stderr!])
      createInterface({ input: stream }).on("line", (line) => {
        this.lines.push(line);
        this.#wake();
      });
    this.ended = new Promise((resolve) =>
      this.#child.on("close", (code) => {
        living.delete(this.#child);
        this.#over = true;
        this.#wake();
        resolve({ code, stdout, stderr });
      }),
    );
  }

  get pid(): number {
    return this.#child.pid!;
  }

  #wake(): void {
    for (const wake of this.#waiting) wake();
  }

  /** Resolves with the first line that fits, be it printed already or later; fails when the process ends without one. */
  async line(fits: RegExp | ((line: string) => boolean), from = 0): Promise<string> {
    const test = fits instanceof RegExp ? (line: string) => fits.test(line) : fits;
    for (;;) {
      const found = this.lines.slice(from).find(test);
      if (found !== undefined) return found;
      if (this.#over) throw new Error(`the process ended without ${String(fits)}:\n${this.lines.join("\n")}`);
      await new Promise<void>((resolve) => {
        const wake = () => {
          this.#waiting.delete(wake);
          resolve();
        };
        this.#waiting.add(wake);
      });
    }
  }

  signal(name: NodeJS.Signals): void {
    this.#child.kill(name);
  }

  async stop(name: NodeJS.Signals = "SIGTERM"): Promise<Ended> {
    if (!this.#over) this.#child.kill(name);
    return this.ended;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#over) return;
    this.#child.kill("SIGCONT");
    this.#child.kill("SIGTERM");
    const timer = setTimeout(() => this.#child.kill("SIGKILL"), 10_000);
    await this.ended;
    clearTimeout(timer);
  }
}
